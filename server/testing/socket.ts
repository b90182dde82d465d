import type { TerminateReason } from '../channel/result.ts'
import type { AnySocket, Channel } from '../channel/types.ts'
import type { UserSocket } from '../channel/user-socket.ts'
import type { CloseReason } from '../protocol/close.ts'
import type { Codec } from '../protocol/codec.ts'
import { type Message, PHX } from '../protocol/message.ts'
import { LIMITS } from '../socket/shared.ts'
import { Socket } from '../socket/socket.ts'
import { TestConnection } from './connection.ts'
import type { TestEndpoint } from './endpoint.ts'
import { encodePush } from './frames.ts'

/** A topic that this client has joined, or tries to. */
interface Joined {
  readonly topic: string
  receive(message: Message): void
  /** The server's side of it, from when its `join` runs. */
  started(socket: AnySocket): void
  terminated(reason: TerminateReason): void
}

/** The channel as it is, with the test looking on. */
const watched = (channel: Channel, joined: Joined): Channel => ({
  ...channel,
  join(socket, params) {
    joined.started(socket)
    return channel.join(socket, params)
  },
  terminate(reason, socket) {
    joined.terminated(reason)
    return channel.terminate(reason, socket)
  },
})

/** A connected client. */
export class TestSocket {
  readonly endpoint: TestEndpoint
  /** As `connect` gave it; a broadcast of `disconnect` finds the socket by it. */
  readonly id: string | null
  readonly #userSocket: UserSocket
  readonly #connection: TestConnection
  readonly #machine: Socket
  readonly #joined: Joined[] = []
  /** Joins that were sent and did not begin yet, in their order. */
  readonly #joining: Joined[] = []
  #refs = 0

  /** @internal */
  constructor(
    endpoint: TestEndpoint,
    userSocket: UserSocket,
    codec: Codec,
    accepted: { readonly assigns: object; readonly id: string | null },
  ) {
    this.endpoint = endpoint
    this.id = accepted.id
    this.#userSocket = userSocket
    this.#connection = new TestConnection(endpoint.lanes, (message) => {
      for (const joined of this.#joined) joined.receive(message)
    })
    const context = {
      ...endpoint.shared,
      userSocket: { ...userSocket, channelFor: this.#channelFor },
      limits: { maxChannels: LIMITS.maxChannels },
    }
    this.#machine = new Socket(context, this.#connection, codec, accepted)
    endpoint.adopt(this.#machine)
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  /** Why the server closed the connection, if it did. */
  get closeReason(): CloseReason | undefined {
    return this.#connection.closeReason
  }

  /** @internal The channel that a topic leads to. */
  route(topic: string): Channel | undefined {
    return this.#userSocket.channelFor(topic)?.channel
  }

  /** @internal */
  nextRef(): string {
    this.#refs += 1
    return String(this.#refs)
  }

  /** @internal */
  join(joined: Joined, ref: string, payload: unknown): void {
    this.#joined.push(joined)
    this.#joining.push(joined)
    this.send({ joinRef: ref, ref, topic: joined.topic, event: PHX.join, payload })
  }

  /** @internal What a closed connection is asked to send goes nowhere. Throws EncodeError. */
  send(message: Parameters<typeof encodePush>[0]): void {
    const { data, isBinary } = encodePush(message)
    this.#machine.receive(data, isBinary)
  }

  /** @internal The client is gone, without a word. */
  lose(): void {
    this.#connection.lose()
    this.#machine.closed()
  }

  readonly #channelFor: UserSocket['channelFor'] = (topic) => {
    const joined = this.#joining.shift()
    const found = this.#userSocket.channelFor(topic)
    return found && joined ? { ...found, channel: watched(found.channel, joined) } : found
  }
}
