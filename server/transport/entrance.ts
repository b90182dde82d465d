/** Where the clients of a mount come in by one transport: from the request to connect to the verdict on it. */
import type { Session, SocketContext } from '../socket/socket.ts'
import type { Admission, Client, Transport } from './admission.ts'
import { reported } from './connect-report.ts'
import {
  type Connect,
  type HandshakeOptions,
  type HandshakeRules,
  handshake,
  type Refused,
  type Verdict,
} from './handshake.ts'
import { matchPath } from './path.ts'
import type { RequestHead } from './request.ts'

export interface EntranceOptions {
  readonly transport: Transport
  /** The path of its URL; segments may be `:name`. */
  readonly pattern: string
  readonly handshake: Omit<HandshakeOptions, 'pathParams'>
  /** Those of an upgrade unless told. */
  readonly rules?: HandshakeRules
}

export class Entrance {
  readonly #options: EntranceOptions
  readonly #admission: Admission
  readonly #context: SocketContext

  constructor(options: EntranceOptions, admission: Admission, context: SocketContext) {
    this.#options = options
    this.#admission = admission
    this.#context = context
  }

  /**
   * `finish` is called at once or, where the app decides later, in a turn of its own. By its end whoever was let
   * in has to have `entered`: before the next client is reviewed.
   */
  admit(
    request: RequestHead,
    finish: (verdict: Verdict<Session>, client: Client) => void,
    client = this.client(request),
  ): void {
    const unlessCrowded = (verdict: Verdict<Session>): Verdict<Session> =>
      (verdict.kind === 'accept'
        ? this.#admission.review(client, verdict.session.id)
        : undefined) ?? verdict
    this.#decide(request, client, unlessCrowded, (verdict) => finish(verdict, client))
  }

  /** For a request that cannot be let in: with `reason`, unless it would be refused anyway. */
  refuse(request: RequestHead, reason: Refused, finish: (verdict: Refused) => void): void {
    const refused = (verdict: Verdict<Session>): Refused =>
      verdict.kind === 'refuse' ? verdict : reason
    this.#decide(request, this.client(request), refused, finish)
  }

  /** Whoever sends a request. */
  client(request: RequestHead): Client {
    return this.#admission.client(this.#options.transport, request.peer.address)
  }

  /** `review` has the last word on a verdict, before it is told to telemetry. */
  #decide<V extends Verdict<Session>>(
    request: RequestHead,
    client: Client,
    review: (verdict: Verdict<Session>) => V,
    finish: (verdict: V) => void,
  ): void {
    const { transport, pattern, rules } = this.#options
    const { telemetry, userSocket } = this.#context
    const asked = reported(telemetry, transport, userSocket.connect as Connect<Session>)
    const settle = (found: Verdict<Session>): void => {
      const verdict = review(found)
      asked.report(verdict)
      finish(verdict)
    }
    const pathParams = matchPath(pattern, request.path) ?? {}
    const options = { ...this.#options.handshake, pathParams }
    const verdict =
      this.#admission.screen(client) ?? handshake(request, options, asked.connect, rules)
    if (verdict instanceof Promise) void verdict.then((found) => setImmediate(settle, found))
    else settle(verdict)
  }
}
