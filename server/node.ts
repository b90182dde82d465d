/** One node: the endpoint with its app, log, metrics and probes, up and down again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { refuse, type UserSocket } from './channel/user-socket.ts'
import type { Config } from './config.ts'
import { DRAIN_DEFAULTS } from './drain.ts'
import { createEndpoint, type Endpoint, type Mount } from './endpoint.ts'
import { type Logger, logTelemetry } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createTelemetry } from './telemetry.ts'
import type { HttpAnswer, Route } from './transport/http.ts'
import { frameBytes } from './transport/websocket.ts'

/** What a node serves; the core knows no more of it. */
export interface App {
  readonly socket: UserSocket
  /** Whether it can do its work: `/readyz` asks. */
  readonly ready: () => Promise<boolean>
  /** Flushes and releases. Called once, after the last client has gone. */
  close(): Promise<void>
}

export interface AppOptions {
  readonly dataDir: string
  readonly locale: Config['locale']
  readonly open: boolean
  readonly commands?: string
  readonly repositories?: string
  /** Hears of failures that no client can be told of. */
  readonly onError: (error: unknown) => void
}

export type CreateApp = (options: AppOptions) => Promise<App>

export interface Node {
  /** `http://…`, with the port that was bound. */
  readonly url: string
  /** `ws://…`, where clients connect. */
  readonly webSocketUrl: string
  /** Drains, closes the app, releases all; again is the same as once. Rejects when `drainMs` is over. */
  stop(): Promise<void>
}

/** Where a node is between start and end. The app is there from `ok` on. */
interface State {
  status: 'starting' | 'ok' | 'draining'
  app?: App
}

const SOCKET_PATH = '/socket'
/** Of `drainMs`, a quarter is kept for the app to flush, but not more than this. */
const MAX_FLUSH_MS = 1_000

/**
 * Listens first, so that the probes answer while the app starts; clients are answered 503 until it is there.
 * Rejects, with all released, for a taken port and for whatever `createApp` rejects with.
 */
export async function startNode(
  config: Config,
  createApp: CreateApp,
  logger: Logger,
): Promise<Node> {
  const { nodeName } = config
  const state: State = { status: 'starting' }
  const telemetry = createTelemetry()
  const endLog = logTelemetry(telemetry, logger)
  const metrics = createMetrics({ telemetry, size: () => endpoint.size, nodeName })
  const endpoint: Endpoint = createEndpoint({
    mounts: [mountOf(config, state)],
    publicHosts: config.publicHosts,
    routes: routesOf(state, metrics),
    telemetry,
  })
  const drain = async (deadlineMs: number): Promise<void> => {
    state.status = 'draining'
    await endpoint.drain({ ...DRAIN_DEFAULTS, deadlineMs })
    metrics.close()
    endLog()
  }

  try {
    const port = await endpoint.listen(config.host, config.port)
    const app = await createApp(appOptions(config, logger))
    Object.assign(state, { status: 'ok', app } satisfies State)
    const authority = `${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
    const url = `http://${authority}`
    logger.info({ url }, 'listening')
    if (config.open) logger.warn('open mode: clients are what they claim to be')
    let stopping: Promise<void> | undefined
    return {
      url,
      webSocketUrl: `ws://${authority}${SOCKET_PATH}/websocket`,
      stop() {
        stopping ??= stop(config.drainMs, drain, app)
        return stopping
      },
    }
  } catch (error) {
    await drain(0)
    throw error
  }
}

async function stop(
  drainMs: number,
  drain: (deadlineMs: number) => Promise<void>,
  app: App,
): Promise<void> {
  const endsAt = performance.now() + drainMs
  await drain(drainMs - Math.min(MAX_FLUSH_MS, drainMs / 4))
  const late = sleep(Math.max(0, endsAt - performance.now()), 'late', { ref: false })
  const outcome = await Promise.race([app.close(), late])
  if (outcome === 'late') throw new Error(`the app did not close within DRAIN_MS (${drainMs} ms)`)
}

function appOptions(config: Config, logger: Logger): AppOptions {
  const { dataDir, locale, open, commands, repositories } = config
  return {
    dataDir,
    locale,
    open,
    ...(commands !== undefined && { commands }),
    ...(repositories !== undefined && { repositories }),
    onError: (error) => logger.error({ err: error }, 'the app failed in the background'),
  }
}

const UNAVAILABLE = Symbol('unavailable')

/** Refuses clients before the app is there, and on HTTP connections that are still open in a drain. */
function mountOf(config: Config, state: State): Mount {
  return {
    path: SOCKET_PATH,
    socket: {
      connect: (params, info) =>
        state.app && state.status === 'ok'
          ? state.app.socket.connect(params, info)
          : refuse(UNAVAILABLE),
      channelFor: (topic) => state.app?.socket.channelFor(topic),
    },
    maxChannels: config.maxChannels,
    websocket: {
      authToken: true,
      connectInfo: ['peer_data', 'user_agent'],
      checkOrigin: config.checkOrigin,
      maxFrameBytes: frameBytes(config.maxFrameBytes),
      errorHandler: (reason) => ({ status: reason === UNAVAILABLE ? 503 : 403, body: '' }),
    },
  }
}

const statusAnswer = (code: number, status: State['status'] | 'store'): HttpAnswer => ({
  status: code,
  body: JSON.stringify({ status }),
  contentType: 'application/json; charset=utf-8',
})

/** Contract 3. */
function routesOf(state: State, metrics: Metrics): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['/healthz', () => statusAnswer(200, 'ok')],
    [
      '/readyz',
      async () => {
        const isAble = await state.app?.ready()
        // Looked at after the app was asked: a drain may have begun meanwhile.
        if (state.status !== 'ok') return statusAnswer(503, state.status)
        return isAble ? statusAnswer(200, 'ok') : statusAnswer(503, 'store')
      },
    ],
    [
      '/metrics',
      async () => ({
        status: 200,
        body: await metrics.text(),
        contentType: metrics.contentType,
      }),
    ],
  ])
}
