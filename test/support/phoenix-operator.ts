import type { Channel, Socket } from 'phoenix'
import { AgentClient, ok, type Payload } from './agent-client.ts'
import { hearChannel, type Incoming, incomingQueue, onChannel } from './agent-wire.ts'
import { within } from './deadline.ts'
import { Operator, RETURN_MS } from './operator.ts'
import { openSocket } from './phoenix-client.ts'

/**
 * An operator with the official client as it is: phoenix.js comes back and joins by itself, and all that an
 * application adds is to authenticate after each join, with `lastSeq`.
 */
export class PhoenixOperator extends Operator {
  #client: AgentClient | undefined
  #queue = incomingQueue()
  readonly #arrivals = new Set<() => void>()

  /** Resolves when it is there, at whatever `url` leads to. */
  async come(url: string): Promise<void> {
    const { sessionId, businessId } = this.who
    const socket = await openSocket(`${url}/socket`)
    const channel = socket.channel(`agent:${sessionId}`, { businessId })
    hearChannel(channel, (message) => this.#take(message))
    socket.onClose(({ code }) => this.#leave(code))
    channel.join().receive('ok', () => void this.#enter(socket, channel))
    await this.client()
  }

  override async client(): Promise<AgentClient> {
    if (this.#client) return this.#client
    const arrival = new Promise<void>((resolve) => this.#arrivals.add(resolve))
    await within(arrival, RETURN_MS, `the return of ${this.who.operatorId}`)
    return await this.client()
  }

  #take(message: Incoming): void {
    this.#queue.push(message)
    if (message.event !== 'phx_reply') this.keep(message.event, message.payload as Payload)
  }

  async #enter(socket: Socket, channel: Channel): Promise<void> {
    const client = new AgentClient(onChannel(socket, channel, this.#queue), this.who)
    try {
      ok(await client.authenticate(this.since))
    } catch {
      // The connection has ended: the next join comes here again.
      return
    }
    this.#client = client
    for (const resolve of this.#arrivals) resolve()
    this.#arrivals.clear()
  }

  /** Who waits for an answer learns that it does not come. */
  #leave(code: number): void {
    this.closes.push(code)
    this.#client = undefined
    this.#queue.end(new Error(`closed with ${code}`))
    this.#queue = incomingQueue()
  }
}
