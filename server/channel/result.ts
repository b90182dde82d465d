/** What `join` and handlers return. Classes, so that nothing a client sent can be taken for one. */

type None = Record<never, never>

/**
 * An answer. `kind` is for the type checker (a declared reply is checked for `ok`), `status` goes on the
 * wire. `response` is any JSON value or bytes.
 */
export class Reply<K extends 'ok' | 'error' | 'custom', R, A = None> {
  readonly kind: K
  readonly status: string
  readonly response: R
  readonly assigns: A

  constructor(kind: K, status: string, response: R, assigns: A) {
    this.kind = kind
    this.status = status
    this.response = response
    this.assigns = assigns
  }
}

export type Ok<R = unknown, A = object> = Reply<'ok', R, A>
export type Err = Reply<'error', unknown>
export type Custom = Reply<'custom', unknown>

/** Of most replies: one for all of them. */
const NONE: None = Object.freeze({})

/** `{:ok, reply, assign(socket, …)}` from `join`; `{:reply, {:ok, reply}, socket}` from a handler. */
export const ok = <const R = None, A extends object = None>(
  response: R = {} as R,
  assigns: A = NONE as A,
): Ok<R, A> => new Reply('ok', 'ok', response, assigns)

/** `{:error, reason}`: a string stands for `{ reason }`, anything else is sent as it is. */
export const error = (response: unknown): Err =>
  new Reply('error', 'error', typeof response === 'string' ? { reason: response } : response, NONE)

/** A reply of any status, as `{:reply, {:maybe, payload}, socket}`. */
export const reply = (status: string, response: unknown): Custom =>
  new Reply('custom', status, response, NONE)

/** Ends the channel: `normal` and `shutdown` with `phx_close`, any other reason with `phx_error`. */
export class Stop {
  readonly reason: string
  readonly reply: Reply<'ok' | 'error' | 'custom', unknown> | undefined

  constructor(reason: string, answer: Stop['reply']) {
    this.reason = reason
    this.reply = answer
  }

  /** Whether the client is told that the channel closed rather than failed. */
  get graceful(): boolean {
    return this.reason === 'normal' || this.reason === 'shutdown'
  }
}

/** `{:stop, reason, socket}`, with a reply `{:stop, reason, reply, socket}`. */
export const stop = (reason = 'normal', answer?: Reply<'ok' | 'error' | 'custom', unknown>): Stop =>
  new Stop(reason, answer)

/** `{:noreply, socket}` where a reply is declared; elsewhere a handler just returns nothing. */
export const noReply: unique symbol = Symbol('noReply')
export type NoReply = typeof noReply

/** Why a channel ended, as its `terminate` sees it. */
export type TerminateReason =
  | { readonly type: 'left' | 'closed' | 'disconnected' | 'draining' | 'refused' }
  | { readonly type: 'stopped'; readonly reason: string }
  | { readonly type: 'crashed'; readonly error: unknown }
