/**
 * Sessions of other nodes: any node takes any request and passes it on to the session's own (protocol 4.5). So
 * there is no need for sticky sessions where nodes share a pub/sub.
 *
 * What is lost on the way is never answered as if there had been nothing: the client is told that its session
 * is gone, and joins again. It cannot miss a message in silence.
 */
import type { Broadcast } from '../protocol/broadcast.ts'
import type { PubSub } from '../pubsub/pubsub.ts'
import { decode, encode, type NodeMessage, topicOf } from './longpoll-message.ts'
import { type Ask, type Done, NO_MESSAGES, type Outcome, type Pending } from './longpoll-outcome.ts'

/** How long a node may take to say anything, in milliseconds. */
export const PUBSUB_TIMEOUT_MS = 2_000
/** How often it is looked whether the nodes that requests wait for are still there. */
const LOOK_MS = 1_000

const NONE: Outcome = { kind: 'none' }

/** A request that waits for another node. */
interface Passed {
  readonly node: string
  readonly ask: Ask
  readonly done: Done
  timer: NodeJS.Timeout
  /** Its client went away. */
  isGone: boolean
}

/** This node's own sessions. */
export interface Here {
  ask(ask: Ask, done: Done): Pending | undefined
  /** Messages of a session were lost. */
  lose(token: string): void
}

export class OtherNodes {
  /** Resolves when others can reach this node, or waiting for that is given up. */
  readonly ready: Promise<void> | undefined
  readonly #pubsub: PubSub
  readonly #node: string
  readonly #here: Here
  readonly #passed = new Map<number, Passed>()
  /** What others asked and is not answered, by node and id. */
  readonly #taken = new Map<string, Pending>()
  #lastId = 0
  #looking: NodeJS.Timeout | undefined
  /** Set while this node goes away. */
  #onEmpty: (() => void) | undefined

  /** Listens from now on. */
  constructor(pubsub: PubSub, node: string, here: Here) {
    this.#pubsub = pubsub
    this.#node = node
    this.#here = here
    this.ready = pubsub.subscribe(topicOf(node), this.#hear)
  }

  /** `none` where the node is gone, or says nothing in time. */
  ask(node: string, ask: Ask, done: Done): Pending | undefined {
    if (this.#onEmpty && ask.kind === 'poll') {
      done(NO_MESSAGES)
      return undefined
    }
    this.#lastId += 1
    const id = this.#lastId
    const timer = setTimeout(() => this.#settle(id, NONE), PUBSUB_TIMEOUT_MS)
    this.#passed.set(id, { node, ask, done, timer, isGone: false })
    this.#tell(node, { kind: 'ask', id, from: this.#node, ask })
    void this.#look(node)
    this.#looking ??= setInterval(() => this.#lookAll(), LOOK_MS)
    return { cancel: () => this.#cancel(id), withinMs: PUBSUB_TIMEOUT_MS }
  }

  /** Polls that wait here are to be sent again, to a node that stays. Resolves when all are answered. */
  drain(deadlineMs: number): Promise<void> {
    for (const [id, { node, ask }] of this.#passed) {
      if (ask.kind === 'poll') this.#tell(node, { kind: 'cancel', id, from: this.#node })
      this.#expire(id, Math.min(deadlineMs, PUBSUB_TIMEOUT_MS))
    }
    return new Promise((resolve) => {
      this.#onEmpty = resolve
      if (this.#passed.size === 0) resolve()
    })
  }

  close(): void {
    this.#pubsub.unsubscribe(topicOf(this.#node), this.#hear)
    for (const id of [...this.#passed.keys()]) this.#forget(id)
    for (const pending of this.#taken.values()) pending.cancel()
    this.#taken.clear()
  }

  #tell(node: string, message: NodeMessage): void {
    this.#pubsub.publish(encode(node, message))
  }

  readonly #hear = (broadcast: Broadcast): void => {
    const message = decode(broadcast)
    if (!message) return
    if (message.kind === 'ask') this.#take(message)
    else if (message.kind === 'cancel') this.#giveUp(message)
    else if (message.kind === 'outcome') this.#settle(message.id, message.outcome)
    else if (message.kind === 'lost') this.#here.lose(message.token)
    else if (!this.#onEmpty) this.#expire(message.id, message.withinMs + PUBSUB_TIMEOUT_MS)
  }

  // ---- what this node passed on ----

  #expire(id: number, ms: number): void {
    const passed = this.#passed.get(id)
    if (!passed) return
    clearTimeout(passed.timer)
    passed.timer = setTimeout(() => this.#settle(id, NONE), ms)
  }

  #settle(id: number, outcome: Outcome): void {
    const passed = this.#forget(id)
    if (!passed) return
    const { node, ask, done, isGone } = passed
    if (!isGone || outcome.kind !== 'answer') done(outcome)
    else if (hasMessages(outcome)) this.#tell(node, { kind: 'lost', token: ask.token })
  }

  /** What comes of it is still of interest: messages may be on their way already. */
  #cancel(id: number): void {
    const passed = this.#passed.get(id)
    if (!passed) return
    passed.isGone = true
    this.#tell(passed.node, { kind: 'cancel', id, from: this.#node })
  }

  #forget(id: number): Passed | undefined {
    const passed = this.#passed.get(id)
    clearTimeout(passed?.timer)
    this.#passed.delete(id)
    if (this.#passed.size === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
      this.#onEmpty?.()
    }
    return passed
  }

  #lookAll(): void {
    const nodes = new Set([...this.#passed.values()].map(({ node }) => node))
    for (const node of nodes) void this.#look(node)
  }

  /** Nobody listens for a node that died, and it does not come back under its name. */
  async #look(node: string): Promise<void> {
    if (await this.#pubsub.isHeard(topicOf(node))) return
    for (const [id, passed] of [...this.#passed]) {
      if (passed.node === node) this.#settle(id, NONE)
    }
  }

  // ---- what others passed on to this node ----

  #take({ id, from, ask }: Extract<NodeMessage, { readonly kind: 'ask' }>): void {
    const key = `${from} ${id}`
    const pending = this.#here.ask(ask, (outcome) => {
      this.#taken.delete(key)
      this.#tell(from, { kind: 'outcome', id, outcome })
    })
    if (!pending) return
    this.#taken.set(key, pending)
    this.#tell(from, { kind: 'taken', id, withinMs: pending.withinMs })
  }

  #giveUp({ id, from }: Extract<NodeMessage, { readonly kind: 'cancel' }>): void {
    const key = `${from} ${id}`
    const pending = this.#taken.get(key)
    if (!pending) return
    pending.cancel()
    this.#taken.delete(key)
    this.#tell(from, { kind: 'outcome', id, outcome: NO_MESSAGES })
  }
}

const hasMessages = (outcome: Outcome): boolean =>
  outcome.kind === 'answer' && outcome.status === 200 && outcome.messages !== undefined
