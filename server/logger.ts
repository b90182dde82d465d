/** The log: JSON lines, written before the call returns. The only file that imports pino. */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Config } from './config.ts'
import { filterParams, filterText } from './filter-params.ts'
import { Sampler } from './sampler.ts'
import type { Telemetry } from './telemetry.ts'

export type { Logger } from 'pino'

const STDERR = 2
const MAX_STACK_CHARS = 8_192
const MAX_CAUSES = 3
const SECRET_IN_TEXT = /((?:password|token|secret|authorization)=)[^\s&]*/gi

const redact = (text: string): string =>
  text.slice(0, MAX_STACK_CHARS).replace(SECRET_IN_TEXT, '$1[FILTERED]')

/** An error's own text, which need not be one. */
const part = (value: unknown): unknown =>
  typeof value === 'string' ? redact(value) : filterParams(value)

/** What is logged of something thrown, whatever it is. */
function describeError(error: unknown, causes = 0): unknown {
  try {
    if (!(error instanceof Error)) return { message: filterParams(error) }
    const { name, message, stack, cause } = error
    const isChain = cause !== undefined && causes < MAX_CAUSES
    return {
      type: part(name),
      message: part(message),
      stack: part(stack),
      ...(isChain && { cause: describeError(cause, causes + 1) }),
    }
  } catch {
    // A getter of its own, or a proxy.
    return { message: 'what was thrown cannot be read' }
  }
}

export interface LoggerOptions {
  readonly level: Config['logLevel']
  /** Stands in every line as `node`. */
  readonly nodeName: string
  /** Standard error unless told, synchronously: the last lines before a crash are those that count. */
  readonly destination?: DestinationStream
}

/** What is logged as `err` gets its stack, with secrets filtered. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { node: options.nodeName },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
    },
    options.destination ?? destination({ dest: STDERR, sync: true }),
  )
}

/** Lines per second and kind: what clients do wrong, and what they do all the time. The metrics count all. */
const NOISE = 10
const TRAFFIC = 100
const WINDOW_MS = 1_000

const rounded = (durationMs: number): number => Math.round(durationMs * 1_000) / 1_000

/** Phoenix does not log its own topics either (C8.9). */
const isQuiet = (topic: string): boolean => topic.startsWith('phoenix')

/** Writes a line, unless there were too many of its `kind`; only then are its `fields` made. */
type Write = (
  sampler: Sampler,
  level: 'error' | 'warn' | 'info',
  message: string,
  fields: () => object,
  kind?: string,
) => void

const sampledWriter =
  (logger: Logger, now: () => number): Write =>
  (sampler, level, message, fields, kind = message) => {
    if (!logger.isLevelEnabled(level)) return
    const leftOut = sampler.take(kind, now())
    if (leftOut === undefined) return
    logger[level](leftOut === 0 ? fields() : { ...fields(), leftOut }, message)
  }

/** By its class: of those there are few, whatever an error calls itself. */
function kindOf(error: unknown): string {
  try {
    return error instanceof Error ? error.constructor.name : typeof error
  } catch {
    // A getter of its own, or a proxy.
    return 'unreadable'
  }
}

/**
 * Writes what fails where no client is told of it, so many times a second of each class of error: requests can
 * cause it at will, as long as something is broken. `now` is a clock in milliseconds.
 */
export function errorLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (error: unknown) => void {
  const write = sampledWriter(logger, now)
  const noise = new Sampler(NOISE, WINDOW_MS)
  return (err) => write(noise, 'error', 'failed in the background', () => ({ err }), kindOf(err))
}

/**
 * Writes what happens in a node to its log (protocol 8), until the returned function is called. A kind of line
 * that clients can cause at will is written so many times a second; the next one says in `leftOut` how many
 * were not. `now` is a clock in milliseconds.
 */
export function logTelemetry(
  telemetry: Telemetry,
  logger: Logger,
  now: () => number = () => performance.now(),
): () => void {
  const write = sampledWriter(logger, now)
  const noise = new Sampler(NOISE, WINDOW_MS)
  const traffic = new Sampler(TRAFFIC, WINDOW_MS)
  const ends = [
    telemetry.connected.subscribe(({ transport, vsn, result, reason, params, durationMs }) => {
      const message = result === 'ok' ? 'connected' : 'connect refused by the app'
      write(traffic, 'info', message, () => ({
        transport,
        ...(result === 'ok' && { vsn }),
        ...(typeof reason === 'string' && { reason: filterText(reason) }),
        params: filterParams(params),
        durationMs: rounded(durationMs),
      }))
    }),
    telemetry.refused.subscribe(({ transport, reason }) =>
      write(noise, 'info', 'connect refused', () => ({ transport, reason }), `refused: ${reason}`),
    ),
    telemetry.joined.subscribe(({ topic, result, params, durationMs }) => {
      if (isQuiet(topic)) return
      write(traffic, 'info', result === 'ok' ? 'joined' : 'join refused', () => ({
        topic: filterText(topic),
        params: filterParams(params),
        durationMs: rounded(durationMs),
      }))
    }),
    telemetry.crashed.subscribe(({ topic, error }) =>
      write(noise, 'error', 'crashed', () => ({
        ...(topic !== undefined && { topic: filterText(topic) }),
        err: error,
      })),
    ),
    telemetry.dropped.subscribe(({ reason, count }) =>
      write(noise, 'warn', 'dropped', () => ({ reason, count }), `dropped: ${reason}`),
    ),
    telemetry.warned.subscribe(({ message, topic }) =>
      write(noise, 'warn', message, () =>
        topic === undefined ? {} : { topic: filterText(topic) },
      ),
    ),
    telemetry.drained.subscribe((round) => logger.info(round, 'draining')),
  ]
  // Who logs every message wants every line; at other levels the core must not even measure.
  if (logger.isLevelEnabled('debug')) {
    ends.push(telemetry.handled.subscribe((handled) => logHandled(logger, handled)))
  }
  return () => {
    for (const end of ends) end()
  }
}

type Handled = Parameters<Parameters<Telemetry['handled']['subscribe']>[0]>[0]

function logHandled(logger: Logger, { topic, event, ref, payload, durationMs }: Handled): void {
  if (isQuiet(topic)) return
  logger.debug(
    {
      topic: filterText(topic),
      event: filterText(event),
      ref: filterParams(ref),
      params: filterParams(payload),
      durationMs: rounded(durationMs),
    },
    'handled',
  )
}
