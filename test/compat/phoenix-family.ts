import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { Window } from 'happy-dom'
import { endSocket } from '../support/phoenix-client.ts'
import {
  type Answer,
  type Client,
  type ClientChannel,
  type ClientSocket,
  hearHeartbeat,
  type Message,
  onAnswer,
  type Present,
  queue,
  RETRY_MS,
} from './client.ts'
import { versionOf } from './version.ts'

/** The part of phoenix.js that has been the same since 1.3. */
interface Push {
  receive(status: string, callback: (response: unknown) => void): this
}

interface Channel {
  join(): Push
  push(event: string, payload: unknown, timeoutMs?: number): Push
  leave(): Push
  on(event: string, callback: (payload: unknown) => void): void
  onError(callback: (reason: unknown) => void): void
  onClose(callback: (reason: unknown) => void): void
}

interface Socket {
  heartbeatTimer: NodeJS.Timeout | null
  connect(): void
  disconnect(): void
  channel(topic: string, params: object): Channel
  sendHeartbeat(): void
  onOpen(callback: () => void): void
  onClose(callback: (event?: { readonly code: number }) => void): void
  onMessage(callback: (message: Message) => void): void
}

type Chooser<T> = (name: string, presence: { readonly metas: readonly Meta[] }) => T

interface Meta {
  readonly status: unknown
}

/** Presence is a class since 1.4. */
type PresenceClass = new (
  channel: Channel,
) => {
  onSync(callback: () => void): void
  list<T>(chooser: Chooser<T>): readonly T[]
}

/** Before, it was functions over a state that the application keeps. */
interface PresenceFunctions {
  syncState(state: object, newState: unknown): object
  syncDiff(state: object, diff: unknown): object
  list<T>(state: object, chooser: Chooser<T>): readonly T[]
}

interface Library {
  readonly LongPoll?: unknown
  readonly Socket: new (url: string, options: object) => Socket
  readonly Presence: PresenceClass | PresenceFunctions
}

/** Longer than any scenario; and what a release leaves behind keeps the process alive for so long. */
const HEARTBEAT_MS = 8_000

const require = createRequire(import.meta.url)

/** Nothing of it runs pages here: it is where a maintained XMLHttpRequest comes from, with no origin of its own. */
const { XMLHttpRequest } = new Window({ settings: { fetch: { disableSameOriginPolicy: true } } })

/**
 * A release of phoenix.js, or of a library that has its interface: the package `alias`, shown as `name`
 * and its version. `options` go to its Socket.
 */
export function phoenixClient(
  alias: string,
  name: string,
  lacks: Client['lacks'],
  options: object,
): Client {
  const library = loadForBrowsers(alias)
  const retry = () => RETRY_MS
  const patience = {
    reconnectAfterMs: retry,
    rejoinAfterMs: retry,
    heartbeatIntervalMs: HEARTBEAT_MS,
  }
  return {
    name: `${name} ${versionOf(alias)}`,
    lacks,
    longPolls: library.LongPoll !== undefined,
    connect(url, params, isLongPolling = false) {
      const transport = isLongPolling ? { transport: library.LongPoll } : {}
      const all = { ...options, ...patience, ...transport, params }
      return connect(library, url.replace(/^http/, 'ws'), all)
    },
  }
}

/** Loads a CommonJS package with the globals of a browser that its LongPoll wants, and that no other gets. */
function loadForBrowsers(alias: string): Library {
  const file = require.resolve(alias)
  const globals = ['module', 'exports', 'require', 'self', 'window']
  const load = compileFunction(readFileSync(file, 'utf8'), globals, { filename: file })
  const module = { exports: {} }
  const browser = { XMLHttpRequest }
  load(module, module.exports, createRequire(file), browser, browser)
  return module.exports as Library
}

function connect(library: Library, url: string, options: object): ClientSocket {
  const socket = new library.Socket(url, options)
  const opens = queue<true>()
  const closes = queue<unknown>()
  const heartbeats = queue<unknown>()
  socket.onOpen(() => opens.push(true))
  // LongPoll tells no event before 1.6.
  socket.onClose((event) => closes.push(event?.code))
  socket.onMessage((message) => hearHeartbeat(message, heartbeats))
  socket.connect()
  return {
    opens,
    closes,
    heartbeats,
    heartbeat: () => socket.sendHeartbeat(),
    join: (topic, params) => join(library, socket.channel(topic, params)),
    disconnect: () => endSocket(socket),
  }
}

function join({ Presence }: Library, channel: Channel): ClientChannel {
  const joins = queue<Answer>()
  const errors = queue<unknown>()
  const closes = queue<unknown>()
  channel.onError((reason) => errors.push(reason))
  channel.onClose((reason) => closes.push(reason))
  onAnswer(channel.join(), (answer) => joins.push(answer))
  return {
    joins,
    errors,
    closes,
    on(event) {
      const payloads = queue<unknown>()
      channel.on(event, (payload) => payloads.push(payload))
      return payloads
    },
    push: (event, payload, timeoutMs) => answerTo(channel.push(event, payload, timeoutMs)),
    presence: () =>
      typeof Presence === 'function'
        ? presenceObject(Presence, channel)
        : presenceFunctions(Presence, channel),
    leave: () => answerTo(channel.leave()),
  }
}

const answerTo = (push: Push): Promise<Answer> =>
  new Promise((resolve) => {
    onAnswer(push, resolve)
  })

type Entry = readonly [name: string, statuses: readonly unknown[]]

const entry: Chooser<Entry> = (name, { metas }) => [name, metas.map(({ status }) => status)]

function presenceObject(Presence: PresenceClass, channel: Channel) {
  const changes = queue<Present>()
  const presence = new Presence(channel)
  presence.onSync(() => changes.push(Object.fromEntries(presence.list(entry))))
  return changes
}

function presenceFunctions(Presence: PresenceFunctions, channel: Channel) {
  const changes = queue<Present>()
  let state = {}
  const sync = (newState: object): void => {
    state = newState
    changes.push(Object.fromEntries(Presence.list(state, entry)))
  }
  channel.on('presence_state', (payload) => sync(Presence.syncState(state, payload)))
  channel.on('presence_diff', (payload) => sync(Presence.syncDiff(state, payload)))
  return changes
}
