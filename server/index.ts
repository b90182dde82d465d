/** What a channel author may import. No transport, no store. */
export type { App, AppOptions } from './app.ts'
export { type Claims, operatorSocketId, TokenRefused, type VerifyToken } from './auth/claims.ts'
export { defineChannel } from './channel/define.ts'
export {
  type Custom,
  type Err,
  error,
  noReply,
  type Ok,
  ok,
  reply,
  Stop,
  stop,
  type TerminateReason,
} from './channel/result.ts'
export { Binary, compileSchema, type Problem, type Validator } from './channel/schema.ts'
export type { Channel, EndpointHandle, Socket, SocketRef } from './channel/types.ts'
export {
  accept,
  type ConnectOutcome,
  defineSocket,
  refuse,
  type UserSocket,
} from './channel/user-socket.ts'
export { KeyedBuckets } from './limits/keyed-buckets.ts'
export type { Rate } from './limits/token-bucket.ts'
export type {
  Meta,
  Presence,
  PresenceDiff,
  PresenceKey,
  PresenceOptions,
  PresenceOwner,
  Presences,
} from './presence/presence.ts'
export { Broadcast } from './protocol/broadcast.ts'
export type { Sent } from './protocol/message.ts'
export { namePart, wellFormed } from './protocol/name-part.ts'
export {
  type ChannelListener,
  type Redis,
  type RedisSubscriber,
  RedisUnavailable,
  type Script,
} from './redis/redis.ts'
