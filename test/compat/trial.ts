import { expect } from 'chai'
import type { Queue } from '../support/queue.ts'
import type { Client, ClientChannel, ClientSocket } from './client.ts'
import type { Servers } from './servers.ts'

/** How long a client may take for what it does by itself, on a busy machine. */
const PATIENCE_MS = 20_000

/** The next value not handed out yet (that matches), now or to come. */
export const next = <T>(queue: Queue<T>, matches?: (value: T) => boolean): Promise<T> =>
  queue.next(matches, PATIENCE_MS)

let trials = 0

/** One client's run of one scenario, with the connections that it makes and those of other clients. */
export class Trial {
  readonly client: Client
  readonly others: readonly Client[]
  /** No other trial has it: for topics and for names. */
  readonly id: string
  readonly #servers: Servers
  readonly #sockets: ClientSocket[] = []

  constructor(client: Client, everybody: readonly Client[], servers: Servers) {
    trials += 1
    this.id = `trial${trials}`
    this.client = client
    this.others = everybody.filter((each) => each !== client)
    this.#servers = servers
  }

  /** Connects to the rooms' server, with the client on trial unless told. */
  rooms(client = this.client, params: Readonly<Record<string, string>> = {}) {
    return this.#open(client, this.#servers.rooms, params)
  }

  /** Connects to the server that is shipped. */
  agents(): Promise<ClientSocket> {
    return this.#open(this.client, this.#servers.agents, {})
  }

  /** Joins a topic of the rooms' server over a connection of its own. */
  async room(topic: string, client = this.client): Promise<ClientChannel> {
    return joined(await this.rooms(client), topic)
  }

  /** Ends all connections. */
  end(): void {
    for (const socket of this.#sockets) socket.disconnect()
  }

  /** Connects by long-polling to the rooms' server. */
  polls(): Promise<ClientSocket> {
    return this.#open(this.client, this.#servers.rooms, {}, true)
  }

  async #open(
    client: Client,
    url: string,
    params: Readonly<Record<string, string>>,
    isLongPolling = false,
  ) {
    const socket = client.connect(url, params, isLongPolling)
    this.#sockets.push(socket)
    await next(socket.opens)
    return socket
  }
}

/** Joins a topic and resolves once it is joined. */
export async function joined(
  socket: ClientSocket,
  topic: string,
  params: object = {},
): Promise<ClientChannel> {
  const channel = socket.join(topic, params)
  expect(await next(channel.joins), `join of ${topic}`).to.include({ status: 'ok' })
  return channel
}
