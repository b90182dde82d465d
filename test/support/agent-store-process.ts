/**
 * A process that uses the embedded store in directory `argv[3]` and is killed, or runs out of disk,
 * while it does. `argv[2]` says how.
 */
import { writeSync } from 'node:fs'
import { openLmdbStore } from '../../channels/agent/store/lmdb.ts'
import type { AgentStore } from '../../channels/agent/store/store.ts'

const SESSION = { businessId: 'b1', sessionId: 's1' }
const notes = { scope: 'session', name: 'notes' } as const
/** Written before it returns: what the parent reads was so. */
const say = (line: string): number => writeSync(1, `${line}\n`)

/** Has the store, until it is killed. */
async function hold(): Promise<void> {
  setInterval(() => {}, 60_000)
  say('ready')
}

/** Commits without end, each a document and an event, and says what was acknowledged. */
async function write(store: AgentStore): Promise<void> {
  let next = 0
  const commitOne = async (): Promise<void> => {
    const id = String(next++)
    const result = await store.commit(SESSION, {
      expect: [],
      put: [{ ref: { ...notes, id }, value: { id, text: 'x'.repeat(500) } }],
      event: { event: 'written', payload: { id } },
    })
    if (result.committed) say(`ack ${result.event?.seq} ${id}`)
    await commitOne()
  }
  await Promise.all(Array.from({ length: 16 }, commitOne))
}

/** Commits, each two documents and an event, until one fails; says how all went, and makes room. */
async function fill(store: AgentStore): Promise<void> {
  let committed = 0
  let heard = 0
  const event = () => {
    heard += 1
  }
  store.subscribe(SESSION, { event, gap() {} })
  const commitOne = async (_: unknown, number: number): Promise<void> => {
    const put = ['a', 'b'].map((half) => ({
      ref: { ...notes, id: `${committed} ${number} ${half}` },
      value: 'x'.repeat(20_000),
    }))
    await store.commit(SESSION, { expect: [], put, event: { event: 'filled', payload: {} } })
    committed += 1
  }
  let failure: unknown
  while (!failure) {
    const outcomes = await Promise.allSettled(Array.from({ length: 3 }, commitOne))
    failure = outcomes.find((outcome) => outcome.status === 'rejected')?.reason
  }
  const documents = await store.list(SESSION, notes, { limit: 10_000 })
  const { length: events } = (await store.events(SESSION, 0, 10_000)).events
  const { name, cause } = failure as Error
  const error = { name, hasCause: cause instanceof Error }
  say(JSON.stringify({ error, committed, documents: documents.length, events, heard }))

  const remove = documents.slice(0, 6).map(({ id }) => ({ ...notes, id }))
  await store.commit(SESSION, { expect: [], remove })
  await commitOne(undefined, 0)
  await store.close()
}

const [, , mode = '', dir = ''] = process.argv
const run = new Map([
  ['hold', hold],
  ['write', write],
  ['fill', fill],
]).get(mode)
if (!run) throw new Error(`no mode ${mode}`)
await run(await openLmdbStore({ dir }))
