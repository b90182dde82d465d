/**
 * From an upgrade request to 101 or a refusal, in Phoenix's order (protocol 1.2); and the same for the request
 * that begins a long-poll session. Pure but for the app.
 */
import type { Codec } from '../protocol/codec.ts'
import { isPromise } from '../protocol/promise.ts'
import type { Session } from '../socket/socket.ts'
import type { Crowded } from './admission.ts'
import { type ConnectInfo, type ConnectInfoKeys, connectInfo } from './connect-info.ts'
import { type HttpAnswer, httpError } from './http.ts'
import type { OriginCheck } from './origin.ts'
import { BadQuery, type Params, parseParams } from './params.ts'
import { header, type RequestHead } from './request.ts'
import { type Selection, type SubprotocolOptions, selectSubprotocol } from './subprotocol.ts'
import { upgradeProblem } from './upgrade-headers.ts'
import { codecFor } from './vsn.ts'

export interface HandshakeOptions extends SubprotocolOptions {
  readonly checkOrigin: OriginCheck
  readonly connectInfo: ConnectInfoKeys
  /** The answer to a refusal that has a reason (C1.24); without it 403. */
  readonly errorHandler?:
    | ((reason: unknown) => { readonly status: number; readonly body: string })
    | undefined
  /** What `:name` segments of the mount matched. */
  readonly pathParams: Readonly<Record<string, string>>
}

/** A refusal for this reason is none of the app's: it is not there, or not any more. It is answered 503. */
export const UNAVAILABLE = Symbol('unavailable')

/** What the app decided. A `refuse` of undefined is a refusal without a reason. */
export type ConnectOutcome<S extends Session> =
  | { readonly accept: S }
  | { readonly refuse: unknown }

export type Connect<S extends Session> = (
  params: Params,
  info: ConnectInfo,
) => ConnectOutcome<S> | Promise<ConnectOutcome<S>>

export interface Accepted<S extends Session> {
  readonly kind: 'accept'
  readonly codec: Codec
  /** The subprotocol that the 101 names. */
  readonly protocol: string | undefined
  readonly session: S
}

/** `error` is for the log: what the app threw, or the rule that its answer broke. */
export interface Refused extends HttpAnswer {
  readonly kind: 'refuse'
  readonly reason:
    | 'method'
    | 'query'
    | 'origin'
    | 'subprotocol'
    | 'vsn'
    | 'connect'
    | 'misuse'
    | 'unavailable'
    | 'crash'
    | 'headers'
    | Crowded['reason']
  readonly error?: unknown
  /** Why the app refused, where it said so. */
  readonly appReason?: unknown
}

export type Verdict<S extends Session> = Accepted<S> | Refused

/** Where one transport's requests differ from another's. */
export interface HandshakeRules {
  /** Finds the auth token. */
  readonly select: (
    request: RequestHead,
    options: HandshakeOptions,
  ) => Selection | { readonly refused: 403 | 400 }
  /** What is wrong with the headers of a request that the app lets in, as the body of a 400. */
  readonly problem: (request: RequestHead) => string | undefined
  /** Which frames it can bring to a client. */
  readonly toClient: 'any' | 'text'
}

const UPGRADE_RULES: HandshakeRules = {
  select: (request, options) =>
    selectSubprotocol(header(request, 'sec-websocket-protocol'), options),
  problem: upgradeProblem,
  toClient: 'any',
}

/** A request that may be put before the app. */
interface Candidate {
  readonly params: Params
  readonly info: ConnectInfo
  readonly codec: Codec
  readonly protocol: string | undefined
}

const refused = (reason: Refused['reason'], status: number, body = ''): Refused => ({
  kind: 'refuse',
  reason,
  status,
  body,
})

const crashed = (error: unknown): Refused => ({
  kind: 'refuse',
  reason: 'crash',
  ...httpError(500),
  error,
})

/** Params of the query and of the path, which win (C1.10); undefined for a query that is none. */
function paramsOf(query: string, pathParams: HandshakeOptions['pathParams']): Params | undefined {
  try {
    return Object.assign(Object.create(null), parseParams(query), pathParams)
  } catch (error) {
    if (error instanceof BadQuery) return undefined
    throw error
  }
}

/** Everything that is decided before the app is asked. */
function screen(
  request: RequestHead,
  options: HandshakeOptions,
  rules: HandshakeRules,
): Candidate | Refused {
  if (request.method !== 'GET') return refused('method', 400)
  const params = paramsOf(request.query, options.pathParams)
  if (!params) return { kind: 'refuse', reason: 'query', ...httpError(400) }
  const own = { scheme: request.scheme, host: header(request, 'host') ?? '' }
  if (!options.checkOrigin(header(request, 'origin'), own)) return refused('origin', 403)
  const selected = rules.select(request, options)
  if ('refused' in selected) return refused('subprotocol', selected.refused)
  const { protocol, offered, authToken } = selected
  const offer = options.authToken ? { offered, authToken } : { offered }
  const info = connectInfo(options.connectInfo, request, offer)
  const { vsn } = params
  const codec = codecFor(vsn, rules.toClient)
  return codec ? { params, info, codec, protocol } : refused('vsn', 403)
}

/**
 * What is wrong with a session: it is an object; its `id`, by which a broadcast finds the socket, is a string or
 * null (C1.29), its `expiresAt` a number; either may be absent.
 */
function misuseOf(session: unknown): string | undefined {
  if (typeof session !== 'object' || session === null) return 'connect accepted no session'
  const { id, expiresAt = 0 } = session as { readonly id?: unknown; readonly expiresAt?: unknown }
  const isId = id === undefined || id === null || typeof id === 'string'
  if (!isId) return 'a socket’s id is a string or null'
  const isTime = typeof expiresAt === 'number' && !Number.isNaN(expiresAt)
  return isTime ? undefined : 'a socket’s expiresAt is a time in milliseconds'
}

const isOutcome = (value: unknown): value is ConnectOutcome<Session> =>
  typeof value === 'object' && value !== null && ('accept' in value || 'refuse' in value)

/** The app breaks its contract: 403, and a sentence for the log (C1.25, C1.29). */
const misused = (sentence: string): Refused => ({
  ...refused('misuse', 403),
  error: new TypeError(sentence),
})

function refusedByApp(reason: unknown, errorHandler: HandshakeOptions['errorHandler']): Refused {
  if (reason === undefined) return refused('connect', 403)
  if (reason === UNAVAILABLE) return refused('unavailable', 503)
  const { status, body } = errorHandler?.(reason) ?? { status: 403, body: '' }
  return { ...refused('connect', status, body), appReason: reason }
}

/** What the app's answer comes to. The headers come last: `connect` decides first (protocol 1.2). */
function conclude<S extends Session>(
  outcome: ConnectOutcome<S>,
  candidate: Candidate,
  problem: () => string | undefined,
  errorHandler: HandshakeOptions['errorHandler'],
): Verdict<S> {
  if (!isOutcome(outcome)) return misused('connect neither accepted nor refused')
  if ('refuse' in outcome) return refusedByApp(outcome.refuse, errorHandler)
  const { accept } = outcome
  const misuse = misuseOf(accept)
  if (misuse !== undefined) return misused(misuse)
  const wrong = problem()
  if (wrong !== undefined) return refused('headers', 400, wrong)
  // Untyped code may leave it out: then nothing finds the socket.
  const session = accept.id === undefined ? { ...accept, id: null } : accept
  return { kind: 'accept', codec: candidate.codec, protocol: candidate.protocol, session }
}

/**
 * Decides one request; in the same turn, unless `connect` answers later. Never throws and never
 * rejects: what the app throws is a verdict of 500 with the error (C1.26).
 */
export function handshake<S extends Session>(
  request: RequestHead,
  options: HandshakeOptions,
  connect: Connect<S>,
  rules: HandshakeRules = UPGRADE_RULES,
): Verdict<S> | Promise<Verdict<S>> {
  try {
    const candidate = screen(request, options, rules)
    if ('kind' in candidate) return candidate
    const decide = (outcome: ConnectOutcome<S>) =>
      conclude(outcome, candidate, () => rules.problem(request), options.errorHandler)
    const outcome = connect(candidate.params, candidate.info)
    return isPromise(outcome)
      ? Promise.resolve(outcome).then(decide).catch(crashed)
      : decide(outcome)
  } catch (error) {
    return crashed(error)
  }
}
