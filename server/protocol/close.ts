/**
 * Every code this server closes a WebSocket with. The README's table is tested against this one.
 * 1000 is never used: phoenix.js up to 1.8.15 does not come back after it (C1.93).
 */
export const CLOSE = {
  disconnected: { code: 1001, when: 'a `disconnect` was broadcast on the socket’s id' },
  idle: { code: 1002, when: 'no bytes came from the client for the idle timeout (60 s)' },
  tooSlow: {
    code: 1006,
    when: 'the client reads too slowly, or sent a message over twice the limit',
  },
  tooBig: { code: 1009, when: 'a message was larger than `MAX_FRAME_BYTES`' },
  crashed: {
    code: 1011,
    when: 'an undecodable frame, one nested too deep, or a crash of the connection',
  },
  draining: { code: 1012, when: 'the node is shutting down' },
  expired: { code: 4401, when: 'the token expired' },
  joinedNothing: { code: 4408, when: 'nothing was joined in time' },
  tooMany: {
    code: 4429,
    when: 'too many messages came, or waited for one channel or join',
  },
} as const

export type CloseReason = keyof typeof CLOSE
