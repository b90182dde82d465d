/** The process: environment in, one line with the URL out, signals, exit code (contract 1). */
import { createApp } from '../channels/index.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { createLogger } from './logger.ts'
import { startNode } from './node.ts'

/** A Ctrl-C under `npm start` comes twice, from the terminal and from npm: that is one wish. */
const SAME_SIGNAL_MS = 500

/** Ends a start that cannot be: one line for the operator, without a stack. */
function refuseStart(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  console.error(message.split('\n', 1)[0])
  process.exit(1)
}

function configOf(env: NodeJS.ProcessEnv): Config {
  try {
    return readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return refuseStart(error)
    throw error
  }
}

const config = configOf(process.env)
const logger = createLogger({ level: config.logLevel, nodeName: config.nodeName })

function die(error: unknown, message: string): never {
  logger.fatal({ err: error }, message)
  process.exit(1)
}

// Rejections that nobody handles come here, too.
process.on('uncaughtException', (error, origin) => die(error, origin))

const starting = startNode(config, createApp, logger)

let signalledAt: number | undefined
function onSignal(): void {
  const now = performance.now()
  if (signalledAt !== undefined) {
    if (now - signalledAt > SAME_SIGNAL_MS) process.exit(1)
    return
  }
  signalledAt = now
  starting
    .then((node) => node.stop())
    .then(() => process.exit(0))
    .catch((error: unknown) => die(error, 'the drain failed'))
}
process.on('SIGTERM', onSignal)
process.on('SIGINT', onSignal)

try {
  const { url, webSocketUrl } = await starting
  console.log(`agent-channels is listening on ${url} (${webSocketUrl})`)
} catch (error) {
  logger.debug({ err: error }, 'the start failed')
  refuseStart(error)
}
