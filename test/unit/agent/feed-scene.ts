/** A feed between a store and a socket that do what a scheduler tells them, when it does. */
import { expect } from 'chai'
import fc from 'fast-check'
import { Feed, type Reader } from '../../../channels/agent/feed.ts'
import { SharedReads } from '../../../channels/agent/shared-reads.ts'
import type {
  AgentStore,
  SessionEvent,
  SessionListener,
} from '../../../channels/agent/store/store.ts'
import { numbers } from '../../support/numbers.ts'

export const SESSION = { businessId: 'b1', sessionId: 's1' }
const TOPIC = 'agent:s1'

export const EPOCH = 'e1'

const happened = (seq: number): SessionEvent => ({
  epoch: EPOCH,
  seq,
  event: 'happened',
  json: JSON.stringify({ seq }),
})

/** The part of a store that a feed needs; when it answers and announces is the test's to say. */
export class Events {
  readonly kept: SessionEvent[]
  /** The session's; undefined where it is gone. */
  epoch: string | undefined = EPOCH
  /** How often it was asked for events. */
  reads = 0
  readonly #listeners = new Set<SessionListener>()
  readonly #turn: () => Promise<unknown>
  #announced: number

  /** `kept`: the numbers of events that were announced before anybody listened. */
  constructor(turn: () => Promise<unknown>, kept: readonly number[] = []) {
    this.#turn = turn
    this.kept = kept.map(happened)
    this.#announced = this.seq
  }

  get store(): AgentStore {
    return {
      subscribe: (_session, listener) => {
        this.#listeners.add(listener)
        return { ready: undefined, end: () => this.#listeners.delete(listener) }
      },
      events: async (_session, afterSeq, limit) => {
        this.reads += 1
        await this.#turn()
        const newer = this.kept.filter(({ seq }) => seq > afterSeq)
        await this.#turn()
        const more = newer.length > limit
        return { epoch: this.epoch, events: newer.slice(0, limit), more }
      },
    } as Pick<AgentStore, 'subscribe' | 'events'> as AgentStore
  }

  get seq(): number {
    return this.kept.at(-1)?.seq ?? 0
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** Keeps an event that nobody is told of. */
  keepSilently(): void {
    this.kept.push(happened(this.seq + 1))
  }

  announceNewest(): void {
    for (const newest of this.kept.slice(-1)) {
      for (const listener of this.#listeners) listener.event(newest)
    }
  }

  /** Listeners may have missed something. */
  gap(): void {
    for (const listener of this.#listeners) listener.gap()
  }

  /** Keeps an event at once, and announces it some time later, after those before it. */
  commit(): void {
    const seq = this.seq + 1
    this.kept.push(happened(seq))
    void this.#turn().then(() => this.#announceNext())
  }

  #announceNext(): void {
    const event = this.kept.find(({ seq }) => seq === this.#announced + 1)
    this.#announced += 1
    if (event) for (const listener of [...this.#listeners]) listener.event(event)
  }
}

/** A socket that says `buffered` when it is told to, and has room again some time later. */
export class FakeReader implements Reader {
  readonly topic = TOPIC
  readonly delivered: number[] = []
  /** Reasons for which nothing may come now. */
  readonly closed = new Set<object>()
  isGone = false
  onDelivery: () => unknown = () => undefined
  readonly #isSlow: () => boolean
  readonly #turn: () => Promise<unknown>

  constructor(isSlow: () => boolean, turn: () => Promise<unknown>) {
    this.#isSlow = isSlow
    this.#turn = turn
  }

  deliver: Reader['deliver'] = (broadcast) => {
    expect(this.closed.size, 'what came too early').to.equal(0)
    expect([broadcast.topic, broadcast.event]).to.deep.equal([TOPIC, 'happened'])
    this.delivered.push((JSON.parse(broadcast.json) as { seq: number }).seq)
    this.onDelivery()
    if (this.isGone) return 'dropped'
    return this.#isSlow() ? 'buffered' : 'sent'
  }

  /** Whether it was told that its session is another one now. */
  isLost = false
  onLost: () => unknown = () => undefined

  lost(): void {
    this.isLost = true
    this.onLost()
  }

  onceDrained: Reader['onceDrained'] = (listener) => {
    const full = {}
    this.closed.add(full)
    void this.#turn().then(() => {
      this.closed.delete(full)
      listener()
    })
  }
}

/** Lets everything happen that is on its way. */
export async function settle(scheduler: fc.Scheduler): Promise<void> {
  do {
    while (scheduler.count() > 0) await scheduler.waitOne()
    await new Promise((resolve) => setImmediate(resolve))
  } while (scheduler.count() > 0)
}

export const throwing = (error: unknown): never => {
  throw error
}

type Happening =
  | { readonly kind: 'events'; readonly count: number }
  | { readonly kind: 'replay'; readonly percent: number }
  | { readonly kind: 'answer' | 'start' }

/** What happens to a feed, each in a turn of its own. */
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ kind: fc.constant('events' as const), count: fc.integer({ min: 1, max: 90 }) }),
  fc.record({ kind: fc.constant('replay' as const), percent: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ kind: fc.constantFrom('answer' as const, 'start' as const) }),
)

/** A feed with its store and its socket, all of whose turns the scheduler deals out. */
export class Scene {
  readonly events: Events
  readonly reader: FakeReader
  readonly reads: SharedReads
  readonly feed: Feed
  /** Behind which number, and at which delivery, each run of deliveries must begin. */
  readonly starts: { readonly after: number; readonly at: number }[] = []
  readonly turn: () => Promise<unknown>

  constructor(
    scheduler: fc.Scheduler,
    {
      isSlow = () => false,
      kept = [],
      beside,
    }: {
      readonly isSlow?: () => boolean
      readonly kept?: readonly number[]
      /** Another socket of the same session on the same node. */
      readonly beside?: Scene | undefined
    } = {},
  ) {
    this.turn = () => scheduler.schedule(Promise.resolve())
    this.events = beside?.events ?? new Events(this.turn, kept)
    this.reads = beside?.reads ?? new SharedReads(this.events.store)
    this.reader = new FakeReader(isSlow, this.turn)
    this.feed = new Feed(this.reads, SESSION, this.reader, throwing)
  }

  commit(count: number): void {
    for (let left = count; left > 0; left -= 1) this.events.commit()
  }

  start(after: number | 'oldest', isBehind: boolean): void {
    if (after !== 'oldest') this.starts.push({ after, at: this.reader.delivered.length })
    this.feed.start(EPOCH, after, isBehind)
  }

  /** Commits an event that must not come before it is answered. */
  async answer(): Promise<void> {
    const answering = {}
    this.reader.closed.add(answering)
    await this.turn()
    this.events.commit()
    await this.turn()
    this.reader.closed.delete(answering)
  }

  happen(what: Happening): void {
    if (what.kind === 'events') this.commit(what.count)
    else if (what.kind === 'answer') void this.feed.after(() => this.answer())
    else if (what.kind === 'replay')
      this.start(Math.floor((what.percent * this.events.seq) / 100), true)
    else if (!this.feed.isStarted) this.start(this.events.seq, false)
  }

  /** Every run is without holes and doubles, and the last one is complete. */
  check(): void {
    const { delivered } = this.reader
    for (const [index, { after, at }] of this.starts.entries()) {
      const run = delivered.slice(at, this.starts[index + 1]?.at)
      expect(run).to.deep.equal(numbers(after + 1, after + run.length))
    }
    const [first, last] = [this.starts[0], this.starts.at(-1)]
    expect(first?.at ?? delivered.length).to.equal(0)
    if (last) expect(last.after + delivered.length - last.at).to.equal(this.events.seq)
  }
}
