/** One node's server: mounts, plain routes, fan-out, and its way down. The composition root of the core. */
import type { UserSocket } from './channel/user-socket.ts'
import { type DrainOptions, drain } from './drain.ts'
import { addressSet } from './limits/addresses.ts'
import { monotonic } from './limits/clock.ts'
import { type Rate, TokenBucket } from './limits/token-bucket.ts'
import { createLocalPubSub } from './pubsub/local.ts'
import type { PubSub } from './pubsub/pubsub.ts'
import type { SocketLimits } from './socket/limited.ts'
import type { MailboxLimit } from './socket/mailbox.ts'
import { createShared, LIMITS } from './socket/shared.ts'
import { createTelemetry, type Telemetry } from './telemetry.ts'
import { Admission, type ConnectLimits } from './transport/admission.ts'
import { type Connections, closeIdle } from './transport/connections.ts'
import type { Ground, TakeRequest } from './transport/ground.ts'
import {
  GET_ONLY,
  type HttpAnswer,
  httpError,
  NOT_FOUND,
  type PostRoute,
  type Route,
  requestReader,
  servePost,
  serveRoute,
  writeAnswer,
} from './transport/http.ts'
import { SharedLanes } from './transport/lanes.ts'
import { lendCork } from './transport/lent-cork.ts'
import { LONG_POLL_DEFAULTS, type LongPollOptions, mountLongPoll } from './transport/longpoll.ts'
import { LongPollHub } from './transport/longpoll-hub.ts'
import type { TlsFiles } from './transport/tls.ts'
import { LISTEN_EXCLUSIVE, uws } from './transport/uws.ts'
import { mountWebSocket, WEBSOCKET_DEFAULTS, type WebSocketOptions } from './transport/websocket.ts'

export interface Mount {
  /** Where the socket handler stands, as `/socket`; segments may be `:name`. */
  readonly path: string
  readonly socket: UserSocket
  readonly websocket?: Partial<WebSocketOptions>
  /** Without it there is no long-polling, as in Phoenix. */
  readonly longpoll?: Partial<LongPollOptions>
  /** Joined channels of one socket; one more is refused `too many channels joined`. */
  readonly maxChannels?: number
}

/** What is absent is not limited. */
export interface EndpointLimits
  extends ConnectLimits,
    Omit<SocketLimits, 'maxChannels' | 'nodeJoins'> {
  /** Joins of all sockets together. */
  readonly nodeJoins?: Rate
}

export interface EndpointOptions {
  readonly mounts: readonly Mount[]
  /** Hosts that `checkOrigin: true` lets pages of. */
  readonly publicHosts?: readonly string[]
  /** Addresses and subnets of proxies, whose `X-Forwarded-For` is believed; nobody's unless told. */
  readonly trustProxy?: readonly string[]
  /** HTTPS and WSS alone; plain HTTP and WS without. */
  readonly tls?: TlsFiles
  /** GET routes by exact path. */
  readonly routes?: ReadonlyMap<string, Route>
  /** POST routes by exact path, which have no other method. */
  readonly posts?: ReadonlyMap<string, PostRoute>
  readonly pubsub?: PubSub
  readonly telemetry?: Telemetry
  /** What may wait for one channel, or for one join. */
  readonly mailbox?: MailboxLimit
  readonly limits?: EndpointLimits
}

export interface Endpoint {
  readonly telemetry: Telemetry
  /** Binds exclusively: a taken port rejects. Resolves with the port, which matters for port 0. */
  listen(host: string, port: number): Promise<number>
  /** To every subscriber of the topic on every node. Throws EncodeError for what cannot be encoded. */
  broadcast(topic: string, event: string, payload: unknown): void
  /** What is there right now, for metrics. */
  readonly size: {
    readonly connections: number
    readonly channels: number
    readonly topics: number
    /** Native fan-out topics: one for each kind of subscriber of each topic. */
    readonly lanes: number
  }
  /**
   * Stops accepting, lets handlers finish, closes every socket with 1012, lets `terminate` finish, and
   * releases everything.
   */
  drain(options: DrainOptions): Promise<void>
}

const PUBLIC_HOSTS = ['localhost', '127.0.0.1', '[::1]']

const POST_ONLY: HttpAnswer = { ...httpError(405), headers: { allow: 'POST' } }

/** How often connections are looked at: a timeout is exceeded by two looks, a fiftieth, at most two seconds. */
const sweepMs = (timeouts: readonly number[]): number =>
  Math.min(1_000, Math.max(20, Math.min(...timeouts) / 100))

/** The answer to a method, or a path, that there is not. */
function refusalOf(route: Route | undefined, post: PostRoute | undefined): HttpAnswer {
  if (route) return GET_ONLY
  return post ? POST_ONLY : NOT_FOUND
}

/** Builds the endpoint; nothing listens yet. Throws TypeError for a mount whose options are wrong. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const telemetry = options.telemetry ?? createTelemetry()
  const pubsub = options.pubsub ?? createLocalPubSub()
  const { tls } = options
  const app = tls ? uws.SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key }) : uws.App()
  const scheme = tls ? 'https' : 'http'
  const readRequest = requestReader({ scheme, trustsProxy: addressSet(options.trustProxy ?? []) })
  const lanes = new SharedLanes(app)
  const connections: Connections = new Set()
  const shared = createShared(pubsub, lanes, telemetry, options.mailbox)
  const { nodeJoins: joinRate, ...limits } = options.limits ?? {}
  const now = limits.now ?? monotonic
  const nodeJoins = joinRate && new TokenBucket(joinRate, now())
  const admission = new Admission(limits, connections)
  const hosts = options.publicHosts ?? PUBLIC_HOSTS
  const ground: Ground = { app, hosts, readRequest, lanes, connections, admission, lent: {} }
  const { lent } = ground

  const hasLongPoll = options.mounts.some(({ longpoll }) => longpoll)
  const hub = hasLongPoll ? new LongPollHub(pubsub, lanes, connections) : undefined
  const timeouts: number[] = limits.joinWithinMs ? [limits.joinWithinMs] : []
  const takers: TakeRequest[] = options.mounts.flatMap((mount) => {
    const websocket = { ...WEBSOCKET_DEFAULTS, ...mount.websocket }
    timeouts.push(websocket.timeoutMs)
    const maxChannels = mount.maxChannels ?? LIMITS.maxChannels
    const own: SocketLimits = { ...limits, ...(nodeJoins && { nodeJoins }), maxChannels }
    const context = { ...shared, userSocket: mount.socket, limits: own }
    const takes = [mountWebSocket(ground, mount.path, websocket, context)]
    if (hub && mount.longpoll) {
      const longpoll = { ...LONG_POLL_DEFAULTS, ...mount.longpoll }
      // A session may outlive its time by a tenth of a window.
      timeouts.push(10 * longpoll.windowMs)
      takes.push(mountLongPoll({ hosts, admission, hub }, mount.path, longpoll, context))
    }
    return takes
  })
  const routes = options.routes ?? new Map<string, Route>()
  const routeFailed = (error: unknown) => telemetry.crashed.publish({ topic: undefined, error })

  app.any('/*', (res, req) => {
    const request = readRequest(res, req)
    if (takers.some((take) => take(res, request))) return
    const route = routes.get(request.path)
    const post = options.posts?.get(request.path)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (route && isRead) serveRoute(res, route, request, routeFailed)
    else if (post && request.method === 'POST') servePost(res, post, request, routeFailed)
    else writeAnswer(res, refusalOf(route, post), request.method !== 'HEAD')
  })

  let sweeper: NodeJS.Timeout | undefined
  let listening: Parameters<typeof uws.us_listen_socket_close>[0] | undefined

  const sweep = () => {
    closeIdle(connections)
    const [at, date] = [now(), Date.now()]
    for (const { socket } of connections) {
      socket?.closeIfLate(at)
      socket?.endIfExpired(date)
    }
    admission.sweep()
  }

  const stopListening = () => {
    if (listening) uws.us_listen_socket_close(listening)
    listening = undefined
  }

  return {
    telemetry,
    broadcast: shared.endpoint.broadcast,
    get size() {
      let channels = 0
      for (const { socket } of connections) channels += socket?.channels ?? 0
      return { connections: connections.size, channels, ...shared.fanout.size }
    },
    async listen(host, port) {
      // From the first session on, its requests may come to other nodes.
      await hub?.ready
      lent.cork = await lendCork()
      return await new Promise((resolve, reject) => {
        app.listen(host, port, LISTEN_EXCLUSIVE, (token) => {
          if (!token) {
            lent.cork?.close()
            reject(new Error(`cannot listen on ${host}:${port}: the port is taken, or not allowed`))
            return
          }
          listening = token
          sweeper = setInterval(sweep, sweepMs(timeouts))
          resolve(uws.us_socket_local_port(token))
        })
      })
    },
    async drain(drainOptions) {
      stopListening()
      await Promise.all([
        hub?.drain(drainOptions.deadlineMs),
        drain({ connections, endings: shared.endings, telemetry }, drainOptions),
      ])
      clearInterval(sweeper)
      hub?.close()
      // Answers that were given last are written on the next turn.
      await new Promise((resolve) => setImmediate(resolve))
      await pubsub.close()
      lent.cork?.close()
      app.close()
    },
  }
}
