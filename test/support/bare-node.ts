import type { Channel } from '../../server/channel/types.ts'
import { defineSocket } from '../../server/channel/user-socket.ts'
import type { Codec } from '../../server/protocol/codec.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import type { Connection } from '../../server/socket/connection.ts'
import { createShared, LIMITS } from '../../server/socket/shared.ts'
import { Socket, type SocketContext } from '../../server/socket/socket.ts'
import { createTelemetry } from '../../server/telemetry.ts'

/** The machine behind the transports, and a transport that counts what it is to send, and does nothing. */
export class BareNode {
  readonly #context: SocketContext
  /** Frames to one connection. */
  sent = 0
  /** Frames to a whole lane. */
  published = 0

  constructor(channel: Channel) {
    const publish = () => {
      this.published += 1
    }
    this.#context = {
      ...createShared(createLocalPubSub(), { publish }, createTelemetry()),
      userSocket: defineSocket({ channels: [channel] }),
      limits: { maxChannels: LIMITS.maxChannels },
    }
  }

  connect(codec: Codec): Socket {
    const connection: Connection = {
      send: () => {
        this.sent += 1
        return 'sent'
      },
      publish: () => {
        this.published += 1
      },
      close() {},
      subscribe() {},
      unsubscribe() {},
      onceDrained() {},
    }
    return new Socket(this.#context, connection, codec, { assigns: {}, id: null })
  }
}

/** A client's text, as it comes from the network. */
export const textFrame = (text: string): ArrayBuffer => new TextEncoder().encode(text).buffer
