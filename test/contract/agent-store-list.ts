import { expect } from 'chai'
import { describe, it } from 'mocha'
import { type AgentStore, PAGE_BYTES, type Range } from '../../channels/agent/store/store.ts'
import { numbers } from '../support/numbers.ts'
import { rejection } from '../support/rejection.ts'
import { own, put, SESSION, type Suite, shared } from './agent-store-setup.ts'

/** In the order of their UTF-8 bytes, which is not that of UTF-16 (the last two). */
const IDS = [
  '',
  '\0',
  ' ',
  '%',
  '%2F',
  '-',
  '.',
  '/',
  '0',
  'A',
  'a',
  'a\0',
  'a b',
  'a/b',
  'a:b',
  'aa',
  'b',
  '~',
  'é',
  '\uffff',
  '😀',
]
/** Where a range may start or end: at ids, and between them. */
const BOUNDS = [undefined, ...IDS, '!', 'a/', 'a0', 'zzz', '\u{10ffff}'.repeat(64)]

const ALL_BOUNDS = BOUNDS.flatMap((after) =>
  BOUNDS.map((before) => ({
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
  })),
)

const bytes = (text: string): Buffer => Buffer.from(text)

function isInRange(id: string, { after, before }: Omit<Range, 'limit'>): boolean {
  return (
    (after === undefined || bytes(id).compare(bytes(after)) > 0) &&
    (before === undefined || bytes(id).compare(bytes(before)) < 0)
  )
}

async function idsOf(store: AgentStore, range: Range): Promise<readonly string[]> {
  return (await store.list(SESSION, own(''), range)).map(({ id }) => id)
}

/** Lists of documents in the order of their ids. */
export const listSuite: Suite = (setup) => {
  describe('a list', () => {
    it('has every document of its collection, in the order of the bytes of ids', async () => {
      const { store } = setup()
      for (const ref of [own, shared]) {
        for (const id of [...IDS].reverse()) await put(store, SESSION, ref(id), { id })
        const documents = await store.list(SESSION, ref(''), { limit: 100 })
        expect(documents.map(({ id }) => id)).to.deep.equal(IDS)
        expect(documents.map(({ value }) => value)).to.deep.equal(IDS.map((id) => ({ id })))
        for (const document of documents) {
          expect(await store.get(SESSION, ref(document.id))).to.deep.equal(document)
        }
      }
    })

    it('holds what lies between its bounds, from either end, up to its limit', async () => {
      const { store } = setup()
      await store.commit(SESSION, {
        expect: [],
        put: IDS.map((id) => ({ ref: own(id), value: id })),
      })
      for (const bounds of ALL_BOUNDS) {
        const inside = IDS.filter((id) => isInRange(id, bounds))
        for (const limit of [0, 2, 100]) {
          const range = { ...bounds, limit }
          expect(await idsOf(store, range), JSON.stringify(range)).to.deep.equal(
            inside.slice(0, limit),
          )
          expect(
            await idsOf(store, { ...range, reverse: true }),
            JSON.stringify(range),
          ).to.deep.equal(inside.toReversed().slice(0, limit))
        }
      }
    })

    it('is turned page by page without a gap or a double', async () => {
      const { store } = setup()
      const ids = numbers(100, 199).map((number) => `change_${number}`)
      await store.commit(SESSION, {
        expect: [],
        put: ids.map((id) => ({ ref: own(id), value: id })),
      })
      const seen: string[] = []
      for (let page: string[] = ['']; page.length > 0; ) {
        page = [...(await idsOf(store, { limit: 7, after: page.at(-1) ?? '' }))]
        seen.push(...page)
      }
      expect(seen).to.deep.equal(ids)
    })

    it('stops at a mebibyte of JSON, and has one document always', async () => {
      const { store } = setup()
      // In UTF-8, one is twice as long as in UTF-16.
      const halves = ['a', 'b', 'c', 'd', 'e'].map((id) => [id, 'é'.repeat(200_000)] as const)
      const larger = ['f', 'x'.repeat(PAGE_BYTES)] as const
      for (const [id, text] of [...halves, larger]) {
        for (const ref of [own, shared]) await put(store, SESSION, ref(id), { text })
      }
      for (const ref of [own, shared]) {
        const page = async (range: Omit<Range, 'limit'>) =>
          (await store.list(SESSION, ref(''), { ...range, limit: 100 })).map(({ id }) => id)
        expect(await page({})).to.deep.equal(['a', 'b'])
        expect(await page({ after: 'b' })).to.deep.equal(['c', 'd'])
        expect(await page({ after: 'd' })).to.deep.equal(['e'])
        expect(await page({ after: 'e' })).to.deep.equal(['f'])
        expect(await page({ reverse: true })).to.deep.equal(['f'])
        expect(await page({ reverse: true, before: 'f' })).to.deep.equal(['e', 'd'])
      }
    })

    it('is counted without being read', async () => {
      const { store } = setup()
      for (const ref of [own, shared]) {
        expect(await store.count(SESSION, ref(''))).to.equal(0)
        await store.commit(SESSION, {
          expect: [],
          put: IDS.map((id) => ({ ref: ref(id), value: id })),
        })
        await put(store, SESSION, ref('a', 'notes/x'), 1)
        expect(await store.count(SESSION, ref(''))).to.equal(IDS.length)
        await store.commit(SESSION, { expect: [], remove: [ref('a')] })
        expect(await store.count(SESSION, ref(''))).to.equal(IDS.length - 1)
      }
      expect(await store.count({ ...SESSION, sessionId: 's2' }, own(''))).to.equal(0)
      expect(await store.count({ ...SESSION, businessId: 'b2' }, shared(''))).to.equal(0)
    })

    it('has nothing of collections whose names are alike', async () => {
      const { store } = setup()
      const names = ['c', 'c/d', 'c.', 'c0', 'cc', 'c:d', 'C', 'c%2Fd']
      for (const name of names) {
        await put(store, SESSION, own('d/x', name), `own ${name}`)
        await put(store, SESSION, shared('d/x', name), `shared ${name}`)
      }
      for (const name of names) {
        for (const reverse of [false, true]) {
          const range = { limit: 10, reverse }
          const mine = await store.list(SESSION, own('', name), range)
          const ours = await store.list(SESSION, shared('', name), range)
          expect(mine.map(({ value }) => value)).to.deep.equal([`own ${name}`])
          expect(ours.map(({ value }) => value)).to.deep.equal([`shared ${name}`])
        }
      }
    })

    it('lacks what was removed', async () => {
      const { store } = setup()
      for (const id of ['a', 'b', 'c']) await put(store, SESSION, own(id), id)
      await store.commit(SESSION, { expect: [], remove: [own('b')] })
      expect(await idsOf(store, { limit: 10 })).to.deep.equal(['a', 'c'])
    })

    it('has no bounds that no id could be', async () => {
      const { store } = setup()
      for (const bound of ['a'.repeat(257), '\ud800']) {
        for (const range of [{ after: bound }, { before: bound }]) {
          const list = store.list(SESSION, own(''), { limit: 1, ...range })
          expect(await rejection(list)).to.be.instanceOf(RangeError)
        }
      }
    })
  })
}
