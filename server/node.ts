/** One node: the endpoint with its app, log, metrics and probes, up and down again. */
import { isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminRoutes } from './admin.ts'
import type { App, AppOptions } from './app.ts'
import { openVerifier, type Verifier } from './auth/verifier.ts'
import { refuse } from './channel/user-socket.ts'
import type { Config } from './config.ts'
import { DRAIN_DEFAULTS } from './drain.ts'
import { createEndpoint, type Endpoint, type Mount } from './endpoint.ts'
import { errorLog, type Logger, logTelemetry } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { endpointLimits, mailboxLimit, operationRate } from './node-limits.ts'
import type { Presence } from './presence/presence.ts'
import { isPromise } from './protocol/promise.ts'
import { type SharedRedis, type Sharing, share } from './sharing.ts'
import { createTelemetry } from './telemetry.ts'
import { bearerCheck, UNAUTHORIZED } from './transport/bearer.ts'
import { UNAVAILABLE } from './transport/handshake.ts'
import { type HttpAnswer, jsonAnswer, type Route } from './transport/http.ts'
import { LONG_POLL_DEFAULTS, type LongPollOptions } from './transport/longpoll.ts'
import { checkTls, type TlsFiles } from './transport/tls.ts'
import { frameBytes } from './transport/websocket.ts'

export type CreateApp = (options: AppOptions) => Promise<App>

export interface Node {
  /** `http://…` or `https://…`, with the port that was bound. */
  readonly url: string
  /** `ws://…` or `wss://…`, where clients connect. */
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
const POLL_MS = 10

/**
 * Listens first, so that the probes answer while the app starts; clients are answered 503 until it is there.
 * Rejects, with all released, for a taken port, for files that are no certificate and its key, and for whatever
 * `createApp` rejects with.
 */
export async function startNode(
  config: Config,
  createApp: CreateApp,
  logger: Logger,
): Promise<Node> {
  const state: State = { status: 'starting' }
  const { endpoint, sharing, hears, release } = assemble(config, state, logger)
  let app: App
  let port: number
  let verifier: Verifier | undefined
  try {
    port = await endpoint.listen(config.host, config.port)
    const presence = await sharing.presence()
    if (!config.open) verifier = await openVerifier(config, hears.onError)
    app = await createApp(appOptions(config, presence, sharing, verifier, hears))
  } catch (error) {
    verifier?.close()
    await release(0)
    await sharing.close()
    throw error
  }
  Object.assign(state, { status: 'ok', app } satisfies State)
  const authority = `${isIPv6(config.host) ? `[${config.host}]` : config.host}:${port}`
  const secure = config.tlsCert === undefined ? '' : 's'
  const url = `http${secure}://${authority}`
  logger.info({ url }, 'listening')
  if (config.open) logger.warn('open mode: clients are what they claim to be')

  const stop = async (): Promise<void> => {
    state.status = 'draining'
    logger.info({ connections: endpoint.size.connections }, 'stopping')
    await takeDown(
      config.drainMs,
      release,
      async () => {
        verifier?.close()
        await app.close()
        await sharing.close()
      },
      app,
    )
    logger.info('stopped')
  }
  let stopping: Promise<void> | undefined
  return {
    url,
    webSocketUrl: `ws${secure}://${authority}${SOCKET_PATH}/websocket`,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** All but the app. `release` drains and takes it apart again. */
function assemble(config: Config, state: State, logger: Logger) {
  const tls = tlsFiles(config)
  const { nodeName, publicHosts, trustProxy, metricsToken } = config
  const telemetry = createTelemetry()
  const endLog = logTelemetry(telemetry, logger)
  const onError = errorLog(logger)
  const onRateLimited = () => telemetry.dropped.publish({ reason: 'rate_limited', count: 1 })
  const sharing = share(config, telemetry, onError)
  const { shared } = sharing
  const metrics = createMetrics({
    telemetry,
    size: () => endpoint.size,
    nodeName,
    ...(shared && { shared }),
  })
  const routes = routesOf(state, metrics, metricsToken, shared)
  const posts = adminRoutes({
    adminToken: config.adminToken,
    pubsub: sharing.pubsub,
    logger,
    telemetry,
  })
  const mounts = [mountOf(config, state)]
  const endpoint: Endpoint = createEndpoint({
    mounts,
    publicHosts,
    routes,
    posts,
    telemetry,
    pubsub: sharing.pubsub,
    limits: endpointLimits(config),
    mailbox: mailboxLimit(config),
    ...(trustProxy && { trustProxy }),
    ...(tls && { tls }),
  })
  const release = async (deadlineMs: number): Promise<void> => {
    const cancel = () => state.app?.cancel()
    await endpoint.drain({ ...DRAIN_DEFAULTS, batchSize: config.drainBatch, deadlineMs, cancel })
    metrics.close()
    endLog()
  }
  return { endpoint, sharing, hears: { onError, onRateLimited }, release }
}

/** Undefined for plain HTTP. Throws for files that cannot serve. */
function tlsFiles({ tlsCert: cert, tlsKey: key }: Config): TlsFiles | undefined {
  if (cert === undefined || key === undefined) return undefined
  checkTls({ cert, key })
  return { cert, key }
}

/** Drains the endpoint, lets the app finish what no client waits for, then closes the app. */
async function takeDown(
  drainMs: number,
  release: (deadlineMs: number) => Promise<void>,
  close: () => Promise<void>,
  app: App,
): Promise<void> {
  const endsAt = performance.now() + drainMs
  const left = () => Math.max(0, endsAt - performance.now())
  await release(drainMs - Math.min(MAX_FLUSH_MS, drainMs / 4))
  while (app.busy() && left() > drainMs / 2) await sleep(POLL_MS)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`the app did not close within DRAIN_MS (${drainMs} ms)`)
    timer = setTimeout(() => reject(error), left())
  })
  try {
    await Promise.race([close(), late])
  } finally {
    clearTimeout(timer)
  }
}

function appOptions(
  config: Config,
  presence: Presence,
  { shared, pubsub }: Sharing,
  verifier: Verifier | undefined,
  hears: Pick<AppOptions, 'onError' | 'onRateLimited'>,
): AppOptions {
  const { dataDir, locale, commands, repositories, fourEyes } = config
  return {
    dataDir,
    locale,
    presence,
    pubsub,
    fourEyes: fourEyes !== undefined,
    ...(verifier && { verifyToken: verifier.verify }),
    ...(commands !== undefined && { commands }),
    ...(repositories !== undefined && { repositories }),
    ...(shared && { redis: shared }),
    ...operationRate(config),
    ...hears,
  }
}

/** Refuses clients before the app is there, and on HTTP connections that are still open in a drain. */
function mountOf(config: Config, state: State): Mount {
  const common: Pick<LongPollOptions, 'authToken' | 'connectInfo' | 'checkOrigin'> = {
    authToken: true,
    connectInfo: ['peer_data', 'user_agent'],
    checkOrigin: config.checkOrigin,
  }
  return {
    path: SOCKET_PATH,
    socket: {
      connect(params, info) {
        if (!state.app || state.status !== 'ok') return refuse(UNAVAILABLE)
        const outcome = state.app.socket.connect(params, info)
        if (!isPromise(outcome)) return outcome
        // A drain may have begun while the app decided.
        return outcome.then((decided) => (state.status === 'ok' ? decided : refuse(UNAVAILABLE)))
      },
      channelFor: (topic) => state.app?.socket.channelFor(topic),
    },
    maxChannels: config.maxChannels,
    websocket: {
      ...common,
      maxFrameBytes: frameBytes(config.maxFrameBytes),
      maxBufferedBytes: config.maxBufferedBytes,
    },
    longpoll: {
      ...common,
      maxBufferedBytes: config.maxBufferedBytes,
      maxMessageBytes: config.maxFrameBytes,
      maxBodyBytes: Math.max(LONG_POLL_DEFAULTS.maxBodyBytes, 2 * config.maxFrameBytes),
    },
  }
}

const statusAnswer = (code: number, status: State['status'] | 'store' | 'redis'): HttpAnswer =>
  jsonAnswer(code, { status })

/**
 * Contract 3. Plain readiness does not look at Redis: one lost Redis must not empty the balancer. `deep=1`
 * does.
 */
function routesOf(
  state: State,
  metrics: Metrics,
  metricsToken: string | undefined,
  shared: SharedRedis | undefined,
): ReadonlyMap<string, Route> {
  const mayMeasure = metricsToken === undefined ? () => true : bearerCheck(metricsToken)
  const isShared = async (query: string) =>
    !shared || !new URLSearchParams(query).has('deep', '1') || (await shared.probe.ask())
  return new Map<string, Route>([
    ['/healthz', () => statusAnswer(200, 'ok')],
    [
      '/readyz',
      async ({ query }) => {
        if (state.status !== 'ok') return statusAnswer(503, state.status)
        if (!(await state.app?.ready())) return statusAnswer(503, 'store')
        return (await isShared(query)) ? statusAnswer(200, 'ok') : statusAnswer(503, 'redis')
      },
    ],
    [
      '/metrics',
      async (request) =>
        mayMeasure(request)
          ? { status: 200, body: await metrics.text(), contentType: metrics.contentType }
          : UNAUTHORIZED,
    ],
  ])
}
