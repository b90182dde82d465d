import type { Broadcast } from './broadcast.ts'
import type { Frame, Head, Message } from './message.ts'

/**
 * One serializer of the protocol: pure, stateless, shared by all connections that negotiated it.
 * `decode` throws nothing but DecodeError; the others nothing but EncodeError.
 */
export interface Codec {
  readonly name: 'v1' | 'v2' | 'msgpack'
  /** `data` is valid only during the call: nothing of the result points into it. */
  decode(data: ArrayBuffer, isBinary: boolean): Message
  /** `phx_reply` with `{status, response}`; a binary response is a kind 1 frame in V2. */
  reply(head: Head, ref: unknown, status: string, response: unknown): Frame
  /** A server push. `ref` is null, but for `phx_close` and `phx_error`, where it is the join_ref. */
  push(head: Head, ref: unknown, event: string, payload: unknown): Frame
  /** A broadcast as a subscriber sees it, under the topic that the subscriber knows. */
  broadcast(wireTopic: string, broadcast: Broadcast): Frame
}
