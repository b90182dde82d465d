/** Phoenix channels over long-polling: the mount on uWebSockets.js (protocol 4). */
import type { Session, SocketContext } from '../socket/socket.ts'
import { type ConnectInfoKeys, validateConnectInfoKeys } from './connect-info.ts'
import { reported } from './connect-report.ts'
import {
  type Connect,
  type HandshakeOptions,
  type HandshakeRules,
  handshake,
  type Verdict,
} from './handshake.ts'
import { readBody } from './http-body.ts'
import { isNdjson } from './longpoll-body.ts'
import type { SessionOptions } from './longpoll-connection.ts'
import type { LongPollHub } from './longpoll-hub.ts'
import { SessionCount, type SessionLimit } from './longpoll-limit.ts'
import { PUBSUB_TIMEOUT_MS } from './longpoll-nodes.ts'
import type { Ask, Outcome } from './longpoll-outcome.ts'
import { openVisit, preflight, type Visit } from './longpoll-visit.ts'
import { compileOriginCheck, type OriginCheck, type OriginOption } from './origin.ts'
import { BadQuery, parseParams } from './params.ts'
import { matchPath } from './path.ts'
import { header, type UpgradeRequest } from './request.ts'
import type { HttpResponse } from './uws.ts'
import type { PlainRequest } from './websocket.ts'

export interface LongPollOptions extends SessionOptions, SessionLimit {
  /** The last segment of the URL. */
  readonly path: string
  readonly checkOrigin: OriginOption
  /** Take the token that phoenix.js's `authToken` sends in a header. */
  readonly authToken: boolean
  readonly connectInfo: ConnectInfoKeys
  /** A refusal that it gives a status of 500 or more means: come back later. Any other is 403. */
  readonly errorHandler?: NonNullable<HandshakeOptions['errorHandler']>
  /** A larger body is answered 400. */
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
  maxSessions: 10_000,
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

/**
 * Mounts a user socket at `mountPath` + `options.path`. Throws TypeError, at start-up, for a malformed origin
 * entry or an unknown connect info key.
 */
export function mountLongPoll(
  mountPath: string,
  options: LongPollOptions,
  hosts: readonly string[],
  context: SocketContext,
  hub: LongPollHub,
): PlainRequest {
  const mount = new LongPollMount(mountPath + options.path, options, hosts, context, hub)
  return (res, request) => mount.take(res, request)
}

class LongPollMount {
  readonly #pattern: string
  readonly #options: LongPollOptions
  readonly #context: SocketContext
  readonly #hub: LongPollHub
  readonly #checkOrigin: OriginCheck
  readonly #count: SessionCount

  constructor(
    pattern: string,
    options: LongPollOptions,
    hosts: readonly string[],
    context: SocketContext,
    hub: LongPollHub,
  ) {
    validateConnectInfoKeys(options.connectInfo)
    this.#pattern = pattern
    this.#options = options
    this.#context = context
    this.#hub = hub
    this.#checkOrigin = compileOriginCheck(options.checkOrigin, hosts)
    this.#count = new SessionCount(options)
  }

  /** False: another URL. */
  take(res: HttpResponse, request: UpgradeRequest): boolean {
    if (!matchPath(this.#pattern, request.path)) return false
    const visit = openVisit(res, request, this.#crashed, () => this.#hub.isDraining)
    this.#guarded(visit, () => this.#serve(visit))
    return true
  }

  #serve(visit: Visit): void {
    const { request } = visit
    const own = { scheme: request.scheme, host: header(request, 'host') ?? '' }
    if (!this.#checkOrigin(header(request, 'origin'), own)) {
      this.#refused('origin')
      visit.answer(403)
      return
    }
    if (request.method === 'GET') this.#poll(visit)
    else if (request.method === 'POST') {
      readBody(visit.res, this.#options.maxBodyBytes, (body) => {
        this.#guarded(visit, () => (body ? this.#post(visit, body) : visit.end(400)))
      })
    } else if (request.method === 'OPTIONS') visit.end(200, preflight(request))
    else visit.end(400)
  }

  #poll(visit: Visit): void {
    const token = tokenOf(visit.request)
    const begin = () => this.#begin(visit)
    if (token === undefined) begin()
    else this.#ask(visit, { token }, begin)
  }

  #post(visit: Visit, body: Buffer): void {
    const token = tokenOf(visit.request)
    const asLines = isNdjson(header(visit.request, 'content-type'))
    if (token === undefined) visit.answer(410)
    else this.#ask(visit, { token, post: { body, asLines } }, () => visit.answer(410))
  }

  /** `lost` answers where there is no such session. */
  #ask(visit: Visit, ask: Ask, lost: () => void): void {
    const settle = (outcome: Outcome): void => {
      if (outcome.kind === 'none') lost()
      else if (outcome.kind === 'gone') {
        // As in Phoenix: who asks again and again for what has ended does so slowly.
        const timer = setTimeout(() => this.#guarded(visit, lost), PUBSUB_TIMEOUT_MS)
        visit.onGone = () => clearTimeout(timer)
      } else {
        const { status, messages } = outcome
        if (messages === undefined) visit.answer(status)
        else visit.answerWith(() => ({ status, token: ask.token, messages }))
      }
    }
    const pending = this.#hub.ask(ask, (outcome) => this.#guarded(visit, () => settle(outcome)))
    if (pending) visit.onGone = () => pending.cancel()
  }

  /** A new session, if there is room and the app lets the client in. */
  #begin(visit: Visit): void {
    const { request } = visit
    const { address } = request.peer
    if (this.#hub.isDraining || !this.#count.take(address)) {
      this.#refused(this.#hub.isDraining ? 'draining' : 'sessions')
      visit.answer(500)
      return
    }
    const { userSocket, telemetry } = this.#context
    const asked = reported(telemetry, 'longpoll', userSocket.connect as Connect<Session>)
    let isCounted = true
    const giveBack = (): void => {
      if (isCounted) this.#count.giveBack(address)
      isCounted = false
    }
    visit.onGone = giveBack
    const decide = (verdict: Verdict<Session>): void => {
      asked.report(verdict)
      if (verdict.kind === 'accept') this.#open(visit, verdict, giveBack)
      else {
        giveBack()
        refuse(visit, verdict)
      }
    }
    const options = {
      ...this.#options,
      checkOrigin: this.#checkOrigin,
      pathParams: matchPath(this.#pattern, request.path) ?? {},
    }
    const verdict = handshake(request, options, asked.connect, RULES)
    if (verdict instanceof Promise) void verdict.then(decide)
    else decide(verdict)
  }

  /** Nothing, where the client has gone meanwhile. `onEnd` is called once, at the end of the session or now. */
  #open(visit: Visit, { codec, session }: Accepted, onEnd: () => void): void {
    visit.answerWith(() => {
      visit.onGone = () => {}
      try {
        const opening = { context: this.#context, options: this.#options, codec, session, onEnd }
        return { status: 410, token: this.#hub.open(opening), messages: '[]' }
      } catch (error) {
        onEnd()
        throw error
      }
    })
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

type Accepted = Extract<Verdict<Session>, { readonly kind: 'accept' }>
type Refused = Extract<Verdict<Session>, { readonly kind: 'refuse' }>

/** Of the header, else of the query. Throws BadQuery. */
function tokenOf(request: UpgradeRequest): string | undefined {
  const inHeader = header(request, TOKEN_HEADER)
  if (inHeader !== undefined) return inHeader
  const { token } = parseParams(request.query)
  return typeof token === 'string' ? token : undefined
}

/** The body says so, but where Phoenix, too, leaves it to HTTP. False: there is no session. */
function refuse(visit: Visit, { reason, status }: Refused): void {
  if (reason === 'query') visit.end(400)
  else if (reason === 'crash') visit.crash()
  else visit.answer(status >= 500 ? 500 : 403)
}
