/** The socket handler: who may connect, which channels there are. Phoenix's `UserSocket`. */
import type { Channel, MaybePromise } from './types.ts'

/** Who was let in: what the channels start from, the socket's id, and until when. */
export interface Session {
  readonly assigns: object
  readonly id: string | null
  /** Milliseconds since 1970; absent for ever. */
  readonly expiresAt?: number
}

/** What `connect` answers: let in, or not. */
export type ConnectOutcome = { readonly accept: Session } | { readonly refuse: unknown }

/**
 * `{:ok, assign(socket, …)}`. `id` is what a broadcast of `disconnect` finds the socket by; null: nothing.
 * From `expiresAt` on (ms since 1970) nothing is broadcast to the socket, and 5 s later it is closed with 4401.
 */
export const accept = (
  assigns: object = {},
  id: string | null = null,
  expiresAt?: number,
): ConnectOutcome => ({
  accept: { assigns, id, ...(expiresAt !== undefined && { expiresAt }) },
})

/** `:error`, `{:error, reason}`: 403, or what the mount's error handler makes of the reason. */
export const refuse = (reason?: unknown): ConnectOutcome => ({ refuse: reason })

/**
 * `connect` gets the decoded query and the connect info that the mount asks for; without it everybody is
 * let in. It may be async: the upgrade waits. A throw is answered 500.
 */
export interface SocketDefinition<Params = never, Info = never> {
  readonly channels: readonly Channel[]
  connect?(params: Params, info: Info): MaybePromise<ConnectOutcome>
}

/** A socket handler whose channel patterns are tried in order: the first that matches wins (C3.14). */
export interface UserSocket {
  readonly connect: (params: unknown, info: unknown) => unknown
  channelFor(topic: string): { readonly channel: Channel; readonly subtopic: string } | undefined
}

/** Throws TypeError for channels that are none. */
export function defineSocket<P, I>(definition: SocketDefinition<P, I>): UserSocket {
  const { channels } = definition
  if (!Array.isArray(channels)) throw new TypeError('defineSocket: channels is a list of channels')
  if (channels.some((channel) => typeof channel?.handleIn !== 'function')) {
    throw new TypeError('defineSocket: each of channels is what defineChannel returned')
  }
  const connect = definition.connect as ((params: unknown, info: unknown) => unknown) | undefined
  return {
    connect: connect ?? (() => accept()),
    channelFor(topic) {
      for (const channel of channels) {
        const subtopic = channel.match(topic)
        if (subtopic !== undefined) return { channel, subtopic }
      }
      return undefined
    },
  }
}
