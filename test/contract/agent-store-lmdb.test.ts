import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mock } from 'node:test'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type LmdbStoreOptions, openLmdbStore } from '../../channels/agent/store/lmdb.ts'
import { pages } from '../../channels/agent/store/pages.ts'
import { type AgentStore, RETENTION, StoreUnavailable } from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import { rejection } from '../support/rejection.ts'
import { startProcess } from '../support/server-process.ts'
import { agentStoreContract } from './agent-store.ts'
import { makeDir, setUpLmdb } from './agent-store-backends.ts'
import { emit, eventsOf, hears, listen, own, put, SESSION, shared } from './agent-store-setup.ts'

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(command, args)).stdout
}

const program = (mode: string, dir: string): string[] => {
  const file = new URL('../support/agent-store-process.ts', import.meta.url).pathname
  return ['--import', 'tsx', file, mode, dir]
}

agentStoreContract('LMDB', setUpLmdb)

describe('the embedded store', () => {
  let dir: string
  let time: number
  let opened: AgentStore[]
  beforeEach(async () => {
    dir = await makeDir()
    time = Date.UTC(2026, 0, 1)
    opened = []
  })
  afterEach(async () => {
    mock.timers.reset()
    await Promise.all(opened.map((store) => store.close()))
    await rm(dir, { recursive: true })
  })

  async function open(options: Partial<LmdbStoreOptions> = {}): Promise<AgentStore> {
    const store = await openLmdbStore({ dir, now: () => time, ...options })
    opened.push(store)
    return store
  }

  describe('in its directory', () => {
    it('makes it where it is missing', async () => {
      const store = await open({ dir: join(dir, 'not', 'there') })
      expect(await store.writable()).to.equal(true)
    })

    it('that cannot be opened leaves it to the next', async () => {
      await mkdir(join(dir, 'data.mdb'))
      expect(String(await rejection(open()))).to.include('directory')
      await rm(join(dir, 'data.mdb'), { recursive: true })
      expect(await (await open()).writable()).to.equal(true)
    })

    it('is alone in its process', async () => {
      const store = await open()
      const refusal = await rejection(open())
      expect(refusal).to.be.instanceOf(Error)
      expect(String(refusal)).to.match(/^Error: DATA_DIR \S+ is in use by another server: .+$/)
      expect(await store.writable()).to.equal(true)
      await store.close()
      expect(await (await open()).writable()).to.equal(true)
    })

    it('is alone on its machine, until it is killed', async () => {
      const other = await startProcess({ args: program('hold', dir), ready: /^ready$/m })
      expect(String(await rejection(open()))).to.include(`DATA_DIR ${dir} is in use`)
      await other.kill9()
      expect(await (await open()).writable()).to.equal(true)
    })
  })

  it('has every acknowledged commit, and none by half, after kill -9', async () => {
    const writer = await startProcess({ args: program('write', dir), ready: /^ack 500 /m })
    await writer.kill9()
    const acknowledged = [...writer.output().matchAll(/^ack (\d+) (\d+)\n/gm)]
    expect(acknowledged).to.have.length.of.at.least(500)

    const store = await open({ now: Date.now })
    const { seq, oldestSeq } = await store.open(SESSION)
    expect(await store.count(SESSION, own(''))).to.equal(seq)
    const ids = new Set<string>()
    for await (const page of pages(store, SESSION, own(''), { limit: 1_000 })) {
      for (const { id } of page) ids.add(id)
    }
    expect(ids.size).to.equal(seq)
    const kept = new Map(
      (await eventsOf(store, SESSION, 0, 1_000)).map((event) => [event.seq, event.json]),
    )
    expect([...kept.keys()]).to.deep.equal(numbers(oldestSeq, seq))
    for (const [, number = '', id = ''] of acknowledged) {
      expect(ids.has(id), `document ${id}`).to.equal(true)
      const json = `{"seq":${number},"id":"${id}"}`
      if (Number(number) >= oldestSeq) expect(kept.get(Number(number))).to.equal(json)
      else expect(Number(number)).to.be.at.most(seq - RETENTION.events)
    }
  })

  it('without room on the disk refuses commits whole, and goes on when there is room', async () => {
    // The limit of a file's size stands for a full disk: 2,048 blocks of 512 bytes.
    const limited = ['-c', 'ulimit -f 2048; exec "$@"', 'sh', process.execPath]
    const said = await outputOf('sh', [...limited, ...program('fill', dir)])
    const { error, committed, ...found } = JSON.parse(said)
    expect(error).to.deep.equal({ name: 'StoreUnavailable', hasCause: true })
    expect(committed).to.be.above(0)
    expect(found).to.deep.equal({ documents: 2 * committed, events: committed, heard: committed })
  })

  it('that cannot write in time says so, reads on, and tells what happened after all', async () => {
    const store = await open({ deadlineMs: 1_000 })
    await put(store, SESSION, own('a'), 1)
    const ear = listen(store, SESSION)
    // Another process that holds lmdb's own write lock stands for a disk that does not answer.
    const holdWriteLock = `
      import { readSync } from 'node:fs'
      import { open } from 'lmdb'
      const db = open({ path: process.argv[1], noSubdir: false, overlappingSync: false })
      db.transactionSync(() => {
        console.log('ready')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`
    const other = await startProcess({
      args: ['--input-type=module', '--eval', holdWriteLock, dir],
      ready: /^ready$/m,
    })
    const writes = [rejection(emit(store, SESSION)), rejection(store.open(SESSION))]
    expect(await store.writable()).to.equal(false)
    for (const error of await Promise.all(writes)) expect(error).to.be.instanceOf(StoreUnavailable)
    expect(await store.get(SESSION, own('a'))).to.deep.include({ value: 1 })
    await other.kill9()
    const heard = await ear.until(1)
    expect(heard).to.have.nested.property('[0].seq', 1)
    expect(await eventsOf(store, SESSION, 0, 10)).to.deep.equal(heard)
  })

  it('has announced what was committed when the commit resolves, and when it is closed', async () => {
    const store = await open()
    const ear = listen(store, SESSION)
    const first = await emit(store, SESSION)
    expect(ear.heard).to.deep.equal([first])
    const begun = Promise.all(numbers(1, 50).map(() => emit(store, SESSION)))
    await store.close()
    expect(ear.heard).to.have.lengthOf(51)
    expect(ear.heard).to.deep.equal([first, ...(await begun)])
  })

  it('reports what listeners throw', async () => {
    const errors: unknown[] = []
    const store = await open({ onError: (error) => errors.push(error) })
    const thrown = new Error('a listener that throws')
    const throws = hears(() => {
      throw thrown
    })
    store.subscribe(SESSION, throws)
    await emit(store, SESSION)
    expect(errors).to.deep.equal([thrown])
  })

  describe('sweeps', () => {
    const sessions = numbers(1, 600).map((n) => ({ businessId: 'b1', sessionId: `old${n}` }))
    const young = { businessId: 'b1', sessionId: 'young' }

    /** Many sessions, one of them with more than one transaction of a sweep removes. */
    async function fill(store: AgentStore): Promise<void> {
      const many = numbers(1, 1_200).map((n) => ({ ref: own(String(n)), value: n }))
      await store.commit(SESSION, { expect: [], put: many })
      await Promise.all(sessions.map((session) => put(store, session, own('a'), 1)))
      await Promise.all(numbers(1, 700).map(() => emit(store, SESSION)))
      await put(store, SESSION, shared('a'), 'stays')
    }

    /** Reads as of another time. This store reads before it returns its promise. */
    function asOf<T>(then: number, read: () => Promise<T>): Promise<T> {
      const now = time
      time = then
      const result = read()
      time = now
      return result
    }

    /** Whether anything is left of the sessions, seen from a time when they had not expired. */
    async function isLeft(store: AgentStore, then: number): Promise<boolean> {
      const lists = [SESSION, ...sessions].flatMap<Promise<readonly unknown[]>>((session) => [
        asOf(then, () => store.list(session, own(''), { limit: 1 })),
        asOf(then, () => eventsOf(store, session, 0, 1)),
      ])
      return (await Promise.all(lists)).flat().length > 0
    }

    /** Until nothing is left to see; each turn lets the sweep go on by a transaction. */
    async function untilSwept(store: AgentStore, then: number): Promise<void> {
      while (await isLeft(store, then)) await store.writable()
    }

    /** How many entries there are on disk, seen or not. */
    async function countEntries(): Promise<Record<string, number>> {
      const count = `
        import { open } from 'lmdb'
        const db = open({ path: process.argv[1], noSubdir: false, readOnly: true })
        const counts = ['heads', 'documents', 'events'].map((name) => {
          return [name, db.openDB({ name, keyEncoding: 'binary' }).getKeysCount()]
        })
        console.log(JSON.stringify(Object.fromEntries(counts)))`
      return JSON.parse(
        await outputOf(process.execPath, ['--input-type=module', '--eval', count, dir]),
      )
    }

    it('what has expired when it is opened, and nothing else', async () => {
      const store = await open()
      await fill(store)
      const then = time
      time += RETENTION.sessionMs
      await put(store, young, own('a'), 'stays')
      await store.close()

      time += 1_000
      const swept = await open()
      await untilSwept(swept, then)
      expect(await swept.get(young, own('a'))).to.deep.include({ value: 'stays' })
      expect(await swept.get(young, shared('a'))).to.deep.include({ value: 'stays' })
      expect(await countEntries()).to.deep.equal({ heads: 1, documents: 2, events: 0 })
    })

    it('every hour, until it is closed', async () => {
      mock.timers.enable({ apis: ['setInterval'] })
      const errors: unknown[] = []
      const store = await open({ onError: (error) => errors.push(error) })
      await fill(store)
      const then = time
      time += RETENTION.sessionMs + 1_000
      mock.timers.tick(3_599_999)
      await store.writable()
      expect(await isLeft(store, then)).to.equal(true)
      mock.timers.tick(1)
      await untilSwept(store, then)
      await store.close()
      mock.timers.tick(3_600_000)
      expect(errors).to.deep.equal([])
    })

    it('events that are over a day old, and leaves the session', async () => {
      const store = await open()
      await fill(store)
      const { epoch, seq } = await store.open(SESSION)
      await store.close()
      const then = time
      time += RETENTION.eventMs + 1_000
      const swept = await open()
      const events = () => asOf(then, () => eventsOf(swept, SESSION, 0, 1))
      while ((await events()).length > 0) await swept.writable()
      expect(await swept.open(SESSION)).to.deep.equal({ epoch, seq, oldestSeq: seq + 1 })
      expect(await swept.list(SESSION, own(''), { limit: 2_000 })).to.have.lengthOf(1_200)
    })
  })
})
