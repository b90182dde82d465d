/**
 * Tests of channels without a network and without a clock, in the words of Phoenix's `ChannelTest`.
 *
 * A channel runs here as it does on the server: in the real machine, with its mailbox, its schemas, its
 * intercepts, its crashes, and every payload as bytes on the way. Only the transport is left out.
 *
 * Assertions wait for as long as anything runs: a handler, a join, a `terminate`, a presence diff. When nothing
 * does any more, what did not come will not come: an assertion fails at once, a refutation holds at once, and
 * neither depends on how fast the machine is. Time is the channel's own: what it does with timers it does when
 * the test lets its clock go on, or when `timeoutMs` waits for it. A payload is compared by a `Pattern`.
 *
 * A message is asserted once. A crash that no assertion asks for fails those that find nothing, every
 * refutation, and `close`.
 */
export {
  assertBroadcast,
  assertClosed,
  assertDisconnected,
  assertError,
  assertPush,
  assertRefused,
  assertReply,
  refuteBroadcast,
  refutePush,
  refuteReply,
} from './assertions.ts'
export type { Ref, TestChannel } from './channel.ts'
export { broadcastFrom, close, join, leave, push, settled } from './client.ts'
export { type ConnectOptions, type ConnectParams, connect } from './connect.ts'
export { TestEndpoint, type TestEndpointOptions } from './endpoint.ts'
export type { Pattern } from './pattern.ts'
export { Refused } from './refused.ts'
export type { TestSocket } from './socket.ts'
export type { WaitOptions } from './waiting.ts'
