import { type Connect, Link } from './link.ts'
import { Publisher } from './publisher.ts'
import { RedisUnavailable } from './redis.ts'
import { Subscriber } from './subscriber.ts'

export interface NodeOptions {
  /** For errors. */
  readonly name: string
  /** Connects to this server, for commands or to subscribe. */
  readonly connect: (purpose: Purpose) => Connect
  /** Where it is one of a cluster. */
  readonly slotOf?: (channel: string) => number
  readonly onError: (error: Error) => void
  /** A connection came up, or went down, or its subscriptions turn out to be another node's. */
  readonly onChange: () => void
}

export type Purpose = 'commands' | 'subscriptions'

/** One Redis server, by its two connections. */
export class RedisNode {
  readonly commands: Link
  readonly publisher: Publisher
  readonly subscriber: Subscriber
  readonly #subscriptions: Link

  constructor({ name, connect, slotOf, onError, onChange }: NodeOptions) {
    const report = (purpose: Purpose) => (error: Error) => {
      onError(new RedisUnavailable(`Redis ${name}, ${purpose}: ${error.message}`))
    }
    this.commands = new Link(connect('commands'), {
      up: () => {
        this.publisher.flush()
        onChange()
      },
      down: onChange,
      error: report('commands'),
      message() {},
      moved() {},
    })
    this.publisher = new Publisher(this.commands, slotOf ? 'SPUBLISH' : 'PUBLISH')
    this.#subscriptions = new Link(connect('subscriptions'), {
      up: () => this.subscriber.renew(),
      down: () => this.subscriber.lost(),
      error: report('subscriptions'),
      message: (channel, data) => this.subscriber.deliver(channel, data),
      moved: () => {
        this.subscriber.lost()
        this.subscriber.renew()
        onChange()
      },
    })
    this.subscriber = new Subscriber(this.#subscriptions, { ...(slotOf && { slotOf }), onError })
  }

  get reconnects(): number {
    return this.commands.reconnects + this.#subscriptions.reconnects
  }

  /** Publishes what waits, and waits for the answers that are due. */
  async close(): Promise<void> {
    this.subscriber.close()
    await this.publisher.close()
    await Promise.all([this.commands.close(), this.#subscriptions.close()])
  }
}
