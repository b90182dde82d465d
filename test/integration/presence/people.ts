import { isDeepStrictEqual } from 'node:util'
import { type Channel, Presence, type Socket } from 'phoenix'
import type { Meta, Presences, PresenceValue } from '../../../server/presence/presence.ts'
import { joinChannel, openSocket } from '../../support/phoenix-client.ts'
import { Queue } from '../../support/queue.ts'

/** What the official client reports: who came, who went, and that the list is whole. */
export interface Seen {
  readonly what: 'join' | 'leave' | 'sync'
  readonly key: string
  /** For a join: whether the key was there before. For a leave: whether it still is. */
  readonly isKnown: boolean
  /** The metas that came or went. */
  readonly metas: readonly Readonly<Record<string, unknown>>[]
}

/** A joined room as the official client's `Presence` sees it. */
export interface Person {
  readonly socket: Socket
  readonly channel: Channel
  readonly seen: Queue<Seen>
  /** The keys that are there, sorted. */
  keys(): readonly string[]
  /** The metas that are there, by their phx_ref, sorted. */
  refs(): readonly string[]
  /** Waits until these keys are there, and no other. */
  sees(...keys: readonly string[]): Promise<void>
  /** Waits until something is so. */
  until(isSo: () => boolean): Promise<void>
}

/** Connects and joins `room:lobby` with these params. */
export async function enter(url: string, params: object, topic = 'room:lobby'): Promise<Person> {
  const socket = await openSocket(`${url}/socket`, {
    reconnectAfterMs: () => 20,
    // A channel that crashed stays away.
    rejoinAfterMs: () => 60_000,
  })
  const channel = socket.channel(topic, params)
  const seen = new Queue<Seen>((each) => JSON.stringify(each))
  const presence = new Presence(channel)
  presence.onJoin((key = '', current, { metas }) =>
    seen.push({ what: 'join', key, isKnown: current !== undefined, metas }),
  )
  presence.onLeave((key = '', current, { metas }) =>
    seen.push({ what: 'leave', key, isKnown: current.metas.length > 0, metas }),
  )
  presence.onSync(() => seen.push({ what: 'sync', key: '', isKnown: true, metas: [] }))
  await joinChannel(channel)
  const keys = () => presence.list((key) => key).sort()
  const refs = () => presence.list((_key, { metas }: PresenceValue) => metas.map(refOf)).flat()
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await seen.next(({ what }) => what === 'sync')
  }
  return {
    socket,
    channel,
    seen,
    keys,
    refs: () => refs().sort(),
    sees: (...wanted) => until(() => isDeepStrictEqual(keys(), [...wanted].sort())),
    until,
  }
}

const refOf = ({ phx_ref }: Meta): string => phx_ref

/** The metas of a server's list, in the same form. */
export const refsIn = (list: Presences): readonly string[] =>
  Object.values(list)
    .flatMap(({ metas }) => metas.map(refOf))
    .sort()

/** What a person saw so far, without the word that the list is whole. */
export const changes = ({ seen }: Person): readonly Seen[] =>
  seen.all.filter(({ what }) => what !== 'sync')
