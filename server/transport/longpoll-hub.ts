import type { PubSub } from '../pubsub/pubsub.ts'
import type { Connections } from './connections.ts'
import type { SharedLanes } from './lanes.ts'
import { OtherNodes } from './longpoll-nodes.ts'
import type { Ask, Done, Outcome, Pending } from './longpoll-outcome.ts'
import { LongPollSessions, type Opening } from './longpoll-sessions.ts'
import { newNodeName, nodeOf } from './longpoll-token.ts'

/** All long-poll sessions that this node can reach: its own, and those of others. */
export class LongPollHub {
  readonly #node = newNodeName()
  readonly #own: LongPollSessions
  readonly #others: OtherNodes
  #isDraining = false

  constructor(pubsub: PubSub, lanes: SharedLanes, connections: Connections) {
    this.#own = new LongPollSessions(this.#node, lanes, connections)
    this.#others = new OtherNodes(pubsub, this.#node, {
      ask: (ask, done) => this.#askOwn(ask, done),
      lose: (token) => this.#own.lose(token),
    })
  }

  /** Resolves when other nodes can pass requests on to this one, or waiting for that is given up. */
  get ready(): Promise<void> | undefined {
    return this.#others.ready
  }

  /** No session begins here any more, and clients are to go elsewhere. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Begins a session and returns its token. */
  open(opening: Opening): string {
    return this.#own.open(opening)
  }

  /** Whether another node is to be asked about a token, which anybody may have made up. */
  isElsewhere(token: string): boolean {
    const node = nodeOf(token)
    return node !== undefined && node !== this.#node
  }

  /** Undefined: it is answered. */
  ask(ask: Ask, done: Done): Pending | undefined {
    const node = nodeOf(ask.token)
    if (node === this.#node) return this.#askOwn(ask, done)
    if (node !== undefined) return this.#others.ask(node, ask, done)
    done({ kind: 'none' })
    return undefined
  }

  /** Resolves when no poll of another node's session waits here. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true
    await this.#others.drain(deadlineMs)
  }

  close(): void {
    this.#others.close()
  }

  /** Where all sessions end, nobody need wait to hear that one has. */
  #askOwn(ask: Ask, done: Done): Pending | undefined {
    const settle = (outcome: Outcome) =>
      done(outcome.kind === 'gone' && this.#isDraining ? { kind: 'none' } : outcome)
    return this.#own.ask(ask, settle)
  }
}
