import { randomBytes } from 'node:crypto'
import type { Redis, Script } from '../../../server/index.ts'
import { toJson } from './json.ts'
import { decodeEvent, decodeId, encodeEvent, type Position } from './redis-events.ts'
import {
  collectionBounds,
  documentField,
  documentId,
  indexRange,
  type SessionKeys,
  sessionKeys,
} from './redis-keys.ts'
import { COMMIT, COUNT, EVENTS, GET, LIST, NOW, OPEN } from './redis-scripts.ts'
import { RedisSubscriptions } from './redis-subscriptions.ts'
import {
  type AgentStore,
  type Collection,
  type Commit,
  type CommitResult,
  type Document,
  type DocumentRef,
  type EventPage,
  type Range,
  type SessionHead,
  type SessionKey,
  type SessionListener,
  type SessionSubscription,
  StoreUnavailable,
} from './store.ts'

export interface RedisStoreOptions {
  readonly redis: Redis
  /** Begins every key and channel; without `{`. */
  readonly prefix: string
  /** Gets what listeners throw, and messages on a session's channel that are no events. */
  readonly onError: (error: unknown) => void
  /** For tests: by how many milliseconds the store's time is ahead of Redis's. At least 0, never falls. */
  readonly clockOffsetMs?: () => number
}

/** No session's epoch is empty. */
const NOTHING: Position = { epoch: '', seq: 0, at: 0 }

type Argument = string | number | Buffer

/** A stream's entry: its id, and its one field's name and value. */
type StreamEntry = readonly [id: string, [name: string, value: string]]

/**
 * The store that all nodes with one Redis and one prefix share. Every operation is one script; a commit is
 * as durable as Redis makes what it acknowledged (`appendfsync`). Ids that are no well-formed text, or too
 * long, reject with RangeError, values without JSON with TypeError, all that Redis does not do with
 * StoreUnavailable.
 *
 * Events are heard through Redis alone, those of the node's own commits included: in the order of their
 * numbers, before or after the commit resolves.
 */
export function createRedisStore(options: RedisStoreOptions): AgentStore {
  return new SharedStore(options)
}

class SharedStore implements AgentStore {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #clockOffsetMs: () => number
  readonly #subscriptions: RedisSubscriptions
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false

  constructor({ redis, prefix, onError, clockOffsetMs }: RedisStoreOptions) {
    this.#redis = redis
    this.#prefix = prefix
    this.#clockOffsetMs = clockOffsetMs ?? (() => 0)
    this.#subscriptions = new RedisSubscriptions(redis.subscriber, onError)
  }

  async now(session: SessionKey): Promise<number> {
    return (await this.#run(NOW, this.#keys(session), [])) as number
  }

  async open(session: SessionKey): Promise<SessionHead> {
    const keys = this.#keys(session)
    const reply = await this.#run(OPEN, keys, this.#epochArguments(keys))
    const [epoch, seq, oldestSeq, at] = reply as [string, number, number, number]
    this.#subscriptions.learn(keys.channel, { epoch, seq, at })
    return { epoch, seq, oldestSeq }
  }

  async get(session: SessionKey, ref: DocumentRef): Promise<Document | undefined> {
    const args = [ref.scope, documentField(ref)]
    const kept = (await this.#run(GET, this.#keys(session), args)) as string | null
    return kept === null ? undefined : toDocument(ref.id, kept)
  }

  async list(session: SessionKey, collection: Collection, range: Range): Promise<Document[]> {
    const args = [collection.scope, ...indexRange(collection, range)]
    const reply = await this.#run(LIST, this.#keys(session), args)
    const [fields, kept] = reply as [string[], string[]]
    return fields.map((field, at) => toDocument(documentId(collection, field), kept[at] ?? ''))
  }

  async count(session: SessionKey, collection: Collection): Promise<number> {
    const args = [collection.scope, ...collectionBounds(collection)]
    return (await this.#run(COUNT, this.#keys(session), args)) as number
  }

  async commit(session: SessionKey, commit: Commit): Promise<CommitResult> {
    const keys = this.#keys(session)
    const encoded = commit.event === undefined ? undefined : encodeEvent(commit.event)
    const args = [...this.#epochArguments(keys), ...toArguments(commit)]
    if (encoded !== undefined) args.push(encoded)

    const reply = (await this.#run(COMMIT, keys, args)) as [string, number, number] | null
    if (reply === null) return { committed: false }
    if (encoded === undefined) return { committed: true, event: undefined }
    const [epoch, seq, at] = reply
    this.#subscriptions.learn(keys.channel, { epoch, seq, at })
    return { committed: true, event: decodeEvent(epoch, seq, encoded) }
  }

  async events(session: SessionKey, afterSeq: number, limit: number): Promise<EventPage> {
    const keys = this.#keys(session)
    const from = Math.min(afterSeq + 1, Number.MAX_SAFE_INTEGER)
    const reply = await this.#run(EVENTS, keys, [...this.#epochArguments(keys), from, limit])
    if (reply === null) return { epoch: undefined, events: [], more: false }
    const [epoch, entries, seq] = reply as [string, StreamEntry[], number]
    const newest = decodeId(epoch, entries.at(-1)?.[0] ?? '')
    this.#subscriptions.learn(keys.channel, newest ?? { ...NOTHING, epoch })
    const events = entries.flatMap(([id, [, encoded]]) => {
      return decodeEvent(epoch, Number.parseInt(id, 10), encoded) ?? []
    })
    const last = events.at(-1)
    return { epoch, events, more: last !== undefined && last.seq < seq }
  }

  subscribe(session: SessionKey, listener: SessionListener): SessionSubscription {
    return this.#subscriptions.add(this.#keys(session).channel, listener)
  }

  /** Until it is closed: whether Redis is there just now says nothing of this node (contract 3, /readyz). */
  async writable(): Promise<boolean> {
    return !this.#isClosed
  }

  /** Waits for what has begun, and hears nothing any more. Leaves the connections to who made them. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#running)
    this.#subscriptions.close()
  }

  #keys(session: SessionKey): SessionKeys {
    return sessionKeys(this.#prefix, session)
  }

  /** What the scripts take that number events: with it, Redis sees for itself whether it has lost any. */
  #epochArguments({ channel }: SessionKeys): Argument[] {
    const { epoch, seq, at } = this.#subscriptions.known(channel) ?? NOTHING
    return [newEpoch(), epoch, seq, at, this.#redis.isSharded ? 'SPUBLISH' : 'PUBLISH']
  }

  async #run(script: Script, keys: SessionKeys, args: readonly Argument[]): Promise<unknown> {
    if (this.#isClosed) throw new StoreUnavailable('the store is closed')
    const running = this.#redis.script(script, keys.all, [this.#clockOffsetMs(), ...args])
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw new StoreUnavailable(`Redis did not run ${script.name}`, { cause: error })
    } finally {
      this.#running.delete(running)
    }
  }
}

/** The time, the expectations, what is put and what is removed, as the script reads them. */
function toArguments({ expect, before, put = [], remove = [] }: Commit): Argument[] {
  const place = (ref: DocumentRef): Argument[] => [ref.scope, documentField(ref)]
  return [
    before ?? '',
    expect.length,
    ...expect.flatMap(({ ref, version }) => [...place(ref), version]),
    put.length,
    ...put.flatMap(({ ref, value }) => [...place(ref), toJson(value)]),
    remove.length,
    ...remove.flatMap(place),
  ]
}

/** What is kept is `<version> <JSON>`. */
function toDocument(id: string, kept: string): Document {
  const space = kept.indexOf(' ')
  const value: unknown = JSON.parse(kept.slice(space + 1))
  return { id, version: Number(kept.slice(0, space)), value }
}

function newEpoch(): string {
  return randomBytes(16).toString('base64url')
}
