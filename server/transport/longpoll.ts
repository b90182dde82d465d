/** Phoenix channels over long-polling: the mount on uWebSockets.js (protocol 4). */
import { Shares } from '../limits/shares.ts'
import type { Session, SocketContext } from '../socket/socket.ts'
import { type Admission, type Client, isCrowded } from './admission.ts'
import { type ConnectInfoKeys, validateConnectInfoKeys } from './connect-info.ts'
import { Entrance } from './entrance.ts'
import type { Ground, TakeRequest } from './ground.ts'
import type { Accepted, HandshakeOptions, HandshakeRules, Refused, Verdict } from './handshake.ts'
import { isNdjson } from './longpoll-body.ts'
import type { SessionOptions } from './longpoll-connection.ts'
import type { LongPollHub } from './longpoll-hub.ts'
import { PUBSUB_TIMEOUT_MS } from './longpoll-nodes.ts'
import type { Ask, Done, Outcome } from './longpoll-outcome.ts'
import { PostBody, type Received } from './longpoll-post.ts'
import { openVisit, preflight, type Visit } from './longpoll-visit.ts'
import { compileOriginCheck, type OriginCheck, type OriginOption } from './origin.ts'
import { BadQuery, parseParams } from './params.ts'
import { matchPath } from './path.ts'
import { header, type RequestHead } from './request.ts'
import type { HttpResponse } from './uws.ts'

export interface LongPollOptions extends SessionOptions {
  /** The last segment of the URL. */
  readonly path: string
  readonly checkOrigin: OriginOption
  /** Take the token that phoenix.js's `authToken` sends in a header. */
  readonly authToken: boolean
  readonly connectInfo: ConnectInfoKeys
  /** A refusal that it gives a status of 500 or more means: come back later. Any other is 403. */
  readonly errorHandler?: NonNullable<HandshakeOptions['errorHandler']>
  /** Of one body: a larger one is answered 400. Of a session's that are not answered yet: one more, 503. */
  readonly maxBodyBytes: number
}

export const LONG_POLL_DEFAULTS: LongPollOptions = {
  path: '/longpoll',
  checkOrigin: true,
  authToken: false,
  connectInfo: [],
  windowMs: 10_000,
  maxMessageBytes: 10_000_000,
  maxBodyBytes: 8_000_000,
  maxBufferedBytes: 4 * 1024 * 1024,
}

const TOKEN_HEADER = 'x-phoenix-longpoll-token'
const AUTH_HEADER = 'x-phoenix-authtoken'

/** The request that begins a session has its auth token in a header, and asks for no upgrade. */
const RULES: HandshakeRules = {
  select: (request) => ({
    protocol: undefined,
    authToken: header(request, AUTH_HEADER) ?? null,
    offered: header(request, 'sec-websocket-protocol') ?? '',
  }),
  problem: () => undefined,
  toClient: 'text',
}

/** What the mounts of one endpoint share. */
interface LongPollGround extends Pick<Ground, 'hosts' | 'admission'> {
  readonly hub: LongPollHub
}

/**
 * Mounts a user socket at `mountPath` + `options.path`. Throws TypeError, at start-up, for a malformed origin
 * entry or an unknown connect info key.
 */
export function mountLongPoll(
  ground: LongPollGround,
  mountPath: string,
  options: LongPollOptions,
  context: SocketContext,
): TakeRequest {
  const mount = new LongPollMount(ground, mountPath + options.path, options, context)
  return (res, request) => mount.take(res, request)
}

class LongPollMount {
  readonly #pattern: string
  readonly #options: LongPollOptions
  readonly #context: SocketContext
  readonly #hub: LongPollHub
  readonly #checkOrigin: OriginCheck
  readonly #admission: Admission
  readonly #entrance: Entrance
  /** In bytes, by the token of their session: phoenix.js 1.6 and older send several at once. */
  readonly #bodies: Shares

  constructor(
    { hosts, admission, hub }: LongPollGround,
    pattern: string,
    options: LongPollOptions,
    context: SocketContext,
  ) {
    validateConnectInfoKeys(options.connectInfo)
    this.#pattern = pattern
    this.#options = options
    this.#context = context
    this.#hub = hub
    this.#bodies = new Shares(options.maxBodyBytes)
    const checkOrigin = compileOriginCheck(options.checkOrigin, hosts)
    this.#checkOrigin = checkOrigin
    this.#admission = admission
    this.#entrance = new Entrance(
      { transport: 'longpoll', pattern, handshake: { ...options, checkOrigin }, rules: RULES },
      admission,
      context,
    )
  }

  /** False: another URL. */
  take(res: HttpResponse, request: RequestHead): boolean {
    if (!matchPath(this.#pattern, request.path)) return false
    const visit = openVisit(res, request, this.#crashed, () => this.#hub.isDraining)
    this.#guarded(visit, () => this.#serve(visit))
    return true
  }

  #serve(visit: Visit): void {
    const { request } = visit
    const own = { scheme: request.scheme, host: header(request, 'host') ?? '' }
    const isWelcome = this.#checkOrigin(header(request, 'origin'), own)
    if (request.method === 'GET' && isWelcome) this.#poll(visit)
    // Refused where connects are counted, as on any transport: it may be one.
    else if (request.method === 'GET') this.#begin(visit)
    else if (!isWelcome) {
      this.#refused('origin')
      visit.answer(403)
    } else if (request.method === 'POST') this.#post(visit)
    else if (request.method === 'OPTIONS') preflight(visit)
    else visit.end(400)
  }

  #poll(visit: Visit): void {
    const token = tokenOf(visit.request)
    if (token === undefined) {
      this.#begin(visit)
      return
    }
    const client = this.#entrance.client(visit.request)
    const begin = () => this.#begin(visit, { ...client, isCharged: true })
    this.#seek(visit, client, { kind: 'poll', token }, (outcome) =>
      this.#answer(visit, token, outcome, begin),
    )
  }

  /** Nothing of its body is kept, or sent to another node, but for a session that is there. */
  #post(visit: Visit): void {
    const token = tokenOf(visit.request)
    const lost = () => visit.answer(410)
    if (token === undefined) {
      lost()
      return
    }
    const { maxBodyBytes } = this.#options
    const body = new PostBody(visit.res, maxBodyBytes, this.#bodies)
    visit.onOver = () => body.release()
    const client = this.#entrance.client(visit.request)
    this.#seek(visit, client, { kind: 'find', token }, (found) => {
      if (found.kind === 'answer') {
        const deliver = (received: Received) => this.#deliver(visit, token, received, lost)
        body.claim(token, (received) => this.#guarded(visit, () => deliver(received)))
      } else {
        body.release()
        this.#answer(visit, token, found, lost)
      }
    })
  }

  #deliver(visit: Visit, token: string, body: Received, lost: () => void): void {
    if (body === 'too_large') visit.end(400)
    else if (body === 'no_room') visit.answer(500)
    else {
      const asLines = isNdjson(header(visit.request, 'content-type'))
      this.#ask(visit, { kind: 'post', token, body, asLines }, (outcome) =>
        this.#answer(visit, token, outcome, lost),
      )
    }
  }

  /**
   * For a token that anybody may have made up: one that is nobody's counts as a connect, so that a client makes this
   * node ask others no oftener than it may try to connect. A session's own requests count nothing.
   */
  #seek(visit: Visit, client: Client, ask: Ask, settle: Done): void {
    if (this.#hub.isElsewhere(ask.token) && !this.#admission.mayTry(client)) {
      this.#tooMany(visit)
      return
    }
    this.#ask(visit, ask, (outcome) => {
      if (outcome.kind === 'answer' || this.#admission.charge(client)) settle(outcome)
      else this.#tooMany(visit)
    })
  }

  #tooMany(visit: Visit): void {
    this.#refused('address_connects')
    visit.answer(500)
  }

  #ask(visit: Visit, ask: Ask, settle: Done): void {
    const pending = this.#hub.ask(ask, (outcome) => this.#guarded(visit, () => settle(outcome)))
    if (pending) visit.onGone = () => pending.cancel()
  }

  /** With what a session said; `lost` answers where there is none. */
  #answer(visit: Visit, token: string, outcome: Outcome, lost: () => void): void {
    if (visit.isGone) return
    if (outcome.kind === 'none') lost()
    else if (outcome.kind === 'gone') {
      // As in Phoenix: who asks again and again for what has ended does so slowly.
      const timer = setTimeout(() => this.#guarded(visit, lost), PUBSUB_TIMEOUT_MS)
      visit.onGone = () => clearTimeout(timer)
    } else {
      const { status, messages } = outcome
      if (messages === undefined) visit.answer(status)
      else visit.answerWith(() => ({ status, token, messages }))
    }
  }

  /** A new session, if there is room and the app lets the client in; none where it has gone meanwhile. */
  #begin(visit: Visit, client?: Client): void {
    if (this.#hub.isDraining) {
      this.#refused('draining')
      visit.answer(500)
      return
    }
    const finish = (verdict: Verdict<Session>, admitted: Client): void => {
      if (verdict.kind === 'refuse') refuse(visit, verdict)
      else if (!visit.isGone) this.#guarded(visit, () => this.#open(visit, verdict, admitted))
    }
    this.#entrance.admit(visit.request, finish, client)
  }

  #open(visit: Visit, { codec, session }: Accepted<Session>, client: Client): void {
    const { id } = session
    const onEnd = () => this.#admission.left(client, id)
    const opening = { context: this.#context, options: this.#options, codec, session, onEnd }
    const token = this.#hub.open(opening)
    this.#admission.entered(client, id)
    visit.answerWith(() => ({ status: 410, token, messages: '[]' }))
  }

  /** What threw in a handler of uWS would end the process: it ends its own request alone. */
  #guarded(visit: Visit, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (error instanceof BadQuery) visit.end(400)
      else {
        this.#crashed(error)
        visit.crash()
      }
    }
  }

  readonly #crashed = (error: unknown): void =>
    this.#context.telemetry.crashed.publish({ topic: undefined, error })

  #refused(reason: string): void {
    this.#context.telemetry.refused.publish({ transport: 'longpoll', reason })
  }
}

/** Of the header, else of the query. Throws BadQuery. */
function tokenOf(request: RequestHead): string | undefined {
  const inHeader = header(request, TOKEN_HEADER)
  if (inHeader !== undefined) return inHeader
  const { token } = parseParams(request.query)
  return typeof token === 'string' ? token : undefined
}

/**
 * The body says so, but where Phoenix, too, leaves it to HTTP. Whoever finds no room is to come back, whatever HTTP's
 * status for that is: phoenix.js does so after a 500.
 */
function refuse(visit: Visit, verdict: Refused): void {
  const { reason, status } = verdict
  if (reason === 'query') visit.end(400)
  else if (reason === 'crash') visit.crash()
  else visit.answer(status >= 500 || isCrowded(verdict) ? 500 : 403)
}
