import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { AgentStore, CommitResult } from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import { rejection } from '../support/rejection.ts'
import {
  emit,
  eventsOf,
  listen,
  own,
  put,
  SESSION,
  type Suite,
  shared,
  versionOf,
} from './agent-store-setup.ts'

/** Documents, their versions, and commits that happen as a whole or not at all. */
export const commitSuite: Suite = (setup) => {
  describe('a document', () => {
    it('is not there before it is put', async () => {
      const { store } = setup()
      expect(await store.get(SESSION, own('a'))).to.equal(undefined)
      expect(await store.list(SESSION, own('a'), { limit: 10 })).to.deep.equal([])
    })

    it('is there, with a version of at least 1, when the commit has resolved', async () => {
      const { store } = setup()
      await put(store, SESSION, own('a'), { text: 'first' })
      const document = await store.get(SESSION, own('a'))
      expect(document).to.deep.include({ id: 'a', value: { text: 'first' } })
      expect(document?.version).to.be.at.least(1)
      expect(await store.list(SESSION, own('a'), { limit: 10 })).to.deep.equal([document])
    })

    it('grows in version with every write, and never has one twice, even after removals', async () => {
      const { store } = setup()
      const versions: number[] = []
      for (const round of numbers(1, 20)) {
        await put(store, SESSION, own('a'), round)
        versions.push(await versionOf(store, SESSION, own('a')))
        if (round % 2 === 0) await store.commit(SESSION, { expect: [], remove: [own('a')] })
      }
      expect(versions).to.deep.equal([...new Set(versions)].sort((one, other) => one - other))
    })

    it('gets another version where it is removed and put again at once', async () => {
      const { store } = setup()
      await put(store, SESSION, own('a'), 1)
      const before = await versionOf(store, SESSION, own('a'))
      const [, , late] = await Promise.all([
        store.commit(SESSION, { expect: [], remove: [own('a')] }),
        put(store, SESSION, own('a'), 1),
        store.commit(SESSION, { expect: [{ ref: own('a'), version: before }] }),
      ])
      expect(late).to.deep.equal({ committed: false })
      expect(await versionOf(store, SESSION, own('a'))).to.be.above(before)
    })

    it('keeps its version while others are written', async () => {
      const { store } = setup()
      await put(store, SESSION, own('a'), 1)
      const version = await versionOf(store, SESSION, own('a'))
      await put(store, SESSION, own('b'), 1)
      await emit(store, SESSION)
      expect(await versionOf(store, SESSION, own('a'))).to.equal(version)
    })

    it('comes back as the JSON value that was put', async () => {
      const { store } = setup()
      await fc.assert(
        fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), async (value) => {
          await put(store, SESSION, own('a'), value)
          const document = await store.get(SESSION, own('a'))
          expect(JSON.stringify(document?.value)).to.equal(JSON.stringify(value))
        }),
        { numRuns: 200 },
      )
    })

    it('comes back whole where it is big, deep or odd', async () => {
      const { store } = setup()
      const odd = [
        '"\\ud800 and \\udc00 alone"',
        '{"__proto__":{"a":1},"constructor":2,"":3,"a\\u0000b":4}',
        `${'['.repeat(500)}${']'.repeat(500)}`,
        JSON.stringify('é😀\u2028'.repeat(500_000)),
        'null',
        'false',
        '""',
        '1e300',
      ]
      for (const json of odd) {
        await put(store, SESSION, own('a'), JSON.parse(json))
        const document = await store.get(SESSION, own('a'))
        expect(JSON.stringify(document?.value)).to.equal(JSON.stringify(JSON.parse(json)))
      }
    })

    it('takes the longest ids there are, and no longer ones', async () => {
      const { store } = setup()
      const longest = { businessId: 'é%'.repeat(85), sessionId: ':'.repeat(128) }
      for (const ref of [own('é'.repeat(128), 'queries/appointments'), shared('/'.repeat(256))]) {
        await put(store, longest, ref, ref.id)
        expect(await store.get(longest, ref)).to.deep.include({ id: ref.id, value: ref.id })
        expect(await store.list(longest, ref, { limit: 2 })).to.have.lengthOf(1)
      }
      const tooLong = put(store, longest, own('é'.repeat(128).concat('e')), 1)
      expect(await rejection(tooLong)).to.be.instanceOf(RangeError)
    })

    it('is not named by text that has no UTF-8', async () => {
      const { store } = setup()
      for (const id of ['\ud800', 'a\udc00']) {
        expect(await rejection(put(store, SESSION, own(id), 1))).to.be.instanceOf(RangeError)
        expect(await rejection(store.get(SESSION, own(id)))).to.be.instanceOf(RangeError)
      }
      const mute = { businessId: '\ud800', sessionId: 's1' }
      expect(await rejection(put(store, mute, own('a'), 1))).to.be.instanceOf(RangeError)
    })
  })

  describe('a commit', () => {
    it('that expects version 0 takes effect only where there is no document', async () => {
      const { store } = setup()
      const create = { expect: [{ ref: own('a'), version: 0 }], put: [{ ref: own('a'), value: 1 }] }
      expect(await store.commit(SESSION, create)).to.deep.include({ committed: true })
      expect(await store.commit(SESSION, create)).to.deep.equal({ committed: false })
      await store.commit(SESSION, { expect: [], remove: [own('a')] })
      expect(await store.commit(SESSION, create)).to.deep.include({ committed: true })
    })

    it('takes effect at the version that was read, and at no other', async () => {
      const { store } = setup()
      await put(store, SESSION, shared('a'), 'old')
      const version = await versionOf(store, SESSION, shared('a'))
      const at = (expected: number): Promise<CommitResult> =>
        store.commit(SESSION, {
          expect: [{ ref: shared('a'), version: expected }],
          put: [{ ref: shared('a'), value: 'new' }],
        })
      for (const other of [0, version - 1, version + 1, version + 1_000_000]) {
        expect(await at(other)).to.deep.equal({ committed: false })
      }
      expect(await at(version)).to.deep.include({ committed: true })
      expect(await at(version)).to.deep.equal({ committed: false })
      expect(await store.get(SESSION, shared('a'))).to.deep.include({ value: 'new' })
    })

    it('writes several documents of both scopes, removes others and numbers its event', async () => {
      const { store } = setup()
      await put(store, SESSION, own('gone'), 1)
      const result = await store.commit(SESSION, {
        expect: [],
        put: [
          { ref: own('a'), value: 1 },
          { ref: own('a', 'others'), value: 2 },
          { ref: shared('a'), value: 3 },
        ],
        remove: [own('gone'), own('never there')],
        event: { event: 'changed', payload: { by: 'op1' } },
      })
      const json = '{"seq":1,"by":"op1"}'
      const { epoch } = await store.open(SESSION)
      const event = { epoch, seq: 1, event: 'changed', json }
      expect(result).to.deep.equal({ committed: true, event })
      expect(await store.get(SESSION, own('a'))).to.deep.include({ value: 1 })
      expect(await store.get(SESSION, own('a', 'others'))).to.deep.include({ value: 2 })
      expect(await store.get(SESSION, shared('a'))).to.deep.include({ value: 3 })
      expect(await store.get(SESSION, own('gone'))).to.equal(undefined)
    })

    it('changes nothing at all when one document has moved on, whichever it is', async () => {
      const { store } = setup()
      const refs = [own('a'), shared('b'), own('c', 'others')]
      await emit(store, SESSION)
      for (const ref of refs) await put(store, SESSION, ref, 'old')
      const before = await everything(store)
      const ear = listen(store, SESSION)
      for (const stale of refs) {
        const versions = await Promise.all(refs.map((ref) => versionOf(store, SESSION, ref)))
        const result = await store.commit(SESSION, {
          expect: refs.map((ref, index) => ({
            ref,
            version: (versions[index] ?? 0) + (ref === stale ? 1 : 0),
          })),
          put: [
            { ref: own('a'), value: 'new' },
            { ref: own('new'), value: 'new' },
          ],
          remove: [shared('b'), own('c', 'others')],
          event: { event: 'changed', payload: {} },
        })
        expect(result).to.deep.equal({ committed: false })
      }
      expect(await everything(store)).to.deep.equal(before)
      const next = await emit(store, SESSION)
      expect(next).to.deep.include({ seq: 2 })
      expect(await ear.until(1)).to.deep.equal([next])
    })

    it('with something that has no JSON rejects and changes nothing', async () => {
      const { store } = setup()
      const circular: { self?: unknown } = {}
      circular.self = circular
      await emit(store, SESSION)
      const before = await everything(store)
      for (const value of [undefined, 1n, circular]) {
        const broken = store.commit(SESSION, {
          expect: [],
          put: [
            { ref: own('a'), value: 'fine' },
            { ref: own('b'), value },
          ],
          event: { event: 'changed', payload: {} },
        })
        expect(await rejection(broken)).to.be.instanceOf(TypeError)
      }
      expect(await everything(store)).to.deep.equal(before)
    })

    it('takes effect before the time that it names, and neither at it nor later', async () => {
      const { store, clock } = setup()
      const until = (before: number) =>
        store.commit(SESSION, {
          expect: [],
          before,
          put: [{ ref: own('a'), value: before }],
          event: { event: 'changed', payload: {} },
        })
      const now = await store.now(SESSION)
      expect(await until(now + 3_600_000)).to.have.nested.property('event.seq', 1)
      const before = await everything(store)
      for (const late of [0, 1, now]) expect(await until(late)).to.deep.equal({ committed: false })
      clock.advance(3_600_000)
      expect(await until(now + 3_600_000)).to.deep.equal({ committed: false })
      expect(await everything(store)).to.deep.equal(before)
      expect(await until(now + 7_200_000)).to.have.nested.property('event.seq', 2)
    })

    it('of many that are based on one version takes effect alone', async () => {
      const { store } = setup()
      await put(store, SESSION, shared('change'), 'pending')
      const version = await versionOf(store, SESSION, shared('change'))
      const results = await Promise.all(
        numbers(1, 200).map((index) =>
          store.commit(
            { businessId: 'b1', sessionId: `s${index % 7}` },
            {
              expect: [{ ref: shared('change'), version }],
              put: [{ ref: shared('change'), value: index }],
            },
          ),
        ),
      )
      const winners = numbers(1, 200).filter((index) => results[index - 1]?.committed)
      expect(winners).to.have.lengthOf(1)
      expect((await store.get(SESSION, shared('change')))?.value).to.equal(winners[0])
    })

    it('that is tried again with what it then reads loses no update', async () => {
      const { store } = setup()
      const increment = async (): Promise<void> => {
        const { version, value } = (await store.get(SESSION, own('n'))) ?? { version: 0, value: 0 }
        const { committed } = await store.commit(SESSION, {
          expect: [{ ref: own('n'), version }],
          put: [{ ref: own('n'), value: Number(value) + 1 }],
        })
        if (!committed) await increment()
      }
      await Promise.all(numbers(1, 30).map(increment))
      expect((await store.get(SESSION, own('n')))?.value).to.equal(30)
    })
  })

  it('the time goes as the clock of the store does', async () => {
    const { store, clock } = setup()
    const then = await store.now(SESSION)
    clock.advance(3_600_000)
    expect((await store.now({ businessId: 'b1', sessionId: 'never opened' })) - then).to.be.within(
      3_600_000,
      3_660_000,
    )
    expect(await store.list(SESSION, own(''), { limit: 1 })).to.deep.equal([])
  })

  it('a store that can write says so', async () => {
    expect(await setup().store.writable()).to.equal(true)
  })
}

/** All that the tests above may have changed. */
async function everything(store: AgentStore): Promise<unknown> {
  return {
    head: await store.open(SESSION),
    events: await eventsOf(store, SESSION, 0, 100),
    notes: await store.list(SESSION, own(''), { limit: 100 }),
    others: await store.list(SESSION, own('', 'others'), { limit: 100 }),
    shared: await store.list(SESSION, shared(''), { limit: 100 }),
  }
}
