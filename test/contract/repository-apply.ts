import { expect } from 'chai'
import { describe, it } from 'mocha'
import { defaultQuery } from '../../channels/agent/query/query.ts'
import type { JsonRecord } from '../../channels/agent/repository/repository.ts'
import { numbers } from '../support/numbers.ts'
import { BUSINESS, placeOf, put, read, type Suite, versionOf, write } from './repository-setup.ts'

/** Ids that break what is put together, or looked up, without care. All of them 256 bytes at most. */
const HOSTILE_IDS = [
  '__proto__',
  'constructor',
  'toString',
  'a/b',
  'a/../b',
  '{a}',
  'a}{b',
  ':',
  '%2F',
  ' ',
  'a b',
  'a\0b',
  '\r\n',
  '*',
  'é',
  'e\u0301',
  '\u2028',
  '\uffff',
  '😀',
  'x'.repeat(256),
  'é'.repeat(128),
  '😀'.repeat(64),
]

/** JSON that others read as something else: Lua's cjson, doubles through text, objects with prototypes. */
const VALUES = [
  '[]',
  '{}',
  '[[],{},[{}]]',
  '{"a":[],"b":{}}',
  'null',
  '[null,false,""]',
  '9007199254740991',
  '-9007199254740991',
  '12345678901234567890',
  '0.1',
  '1e-7',
  '5e-324',
  '1.7976931348623157e308',
  '1e21',
  '100000000000000',
  '"1"',
  '"é😀\\u2028\\u0000"',
  '"\\ud800 and \\udc00"',
  '"\\\\/\\"\\n"',
  '{"__proto__":{"a":1},"constructor":2,"":3,"1":4,"0":5}',
  `${'['.repeat(200)}${']'.repeat(200)}`,
  JSON.stringify('é'.repeat(100_000)),
].map((json): unknown => JSON.parse(json))

/** How a record comes to be, changes and goes, and who is told that it has changed meanwhile. */
export const applySuite: Suite = (setup) => {
  describe('a record', () => {
    it('is not there before it was created', async () => {
      const { repository } = setup()
      expect(await read(repository, placeOf(repository, 'r1'))).to.equal(undefined)
      expect(await read(repository, placeOf(repository, '__proto__'))).to.equal(undefined)
    })

    it('is created, updated and deleted, with another version after every write', async () => {
      const { repository } = setup()
      const place = placeOf(repository, 'r1')
      const versions: number[] = []
      const step = async (after: JsonRecord | null): Promise<void> => {
        const base = await versionOf(repository, place)
        expect(await write(repository, place, after, base)).to.equal('applied')
        const found = await read(repository, place)
        expect(found?.record).to.deep.equal(after ?? undefined)
        if (found) versions.push(found.version)
      }
      for (const total of numbers(1, 5)) {
        await step({ id: 'r1', total })
        await step({ id: 'r1', total, customer: { name: 'Ana' } })
        await step(null)
      }
      expect(Math.min(...versions)).to.be.at.least(1)
      expect(new Set(versions).size, versions.join()).to.equal(10)
    })

    it('is changed at the version that it has, and at no other', async () => {
      const { repository } = setup()
      const place = placeOf(repository, 'r1')
      expect(await write(repository, place, { id: 'r1' }, 1), 'there is none').to.equal('conflict')
      expect(await write(repository, place, null, 1), 'there is none').to.equal('conflict')
      expect(await read(repository, place)).to.equal(undefined)
      await put(repository, place, { total: 1 })
      const stale = await versionOf(repository, place)
      await put(repository, place, { total: 2 })
      const before = await read(repository, place)
      const now = before?.version ?? 0
      for (const version of [0, stale, now - 1, now + 1, now + 1_000_000]) {
        for (const after of [{ id: 'r1', total: 3 }, null]) {
          expect(await write(repository, place, after, version)).to.equal('conflict')
        }
      }
      expect(await read(repository, place)).to.deep.equal(before)
      expect((await repository.find(BUSINESS, defaultQuery(place.repositoryType))).total).to.equal(
        1,
      )
    })

    it('that was deleted and made anew is another one to who saw the first', async () => {
      const { repository } = setup()
      const place = placeOf(repository, 'r1')
      await put(repository, place, { total: 1 })
      const first = await versionOf(repository, place)
      expect(await write(repository, place, null, first)).to.equal('applied')
      await put(repository, place, { total: 1 })
      expect(await write(repository, place, { id: 'r1', total: 2 }, first)).to.equal('conflict')
      expect((await read(repository, place))?.record).to.deep.equal({ id: 'r1', total: 1 })
    })

    it('keeps its version while others are written', async () => {
      const { repository } = setup()
      const place = placeOf(repository, 'r1')
      await put(repository, place)
      const version = await versionOf(repository, place)
      await put(repository, placeOf(repository, 'r2'))
      await put(repository, placeOf(repository, 'r1', { businessId: 'b2' }))
      expect(await versionOf(repository, place)).to.equal(version)
    })

    it('may be called anything', async () => {
      const { repository } = setup()
      for (const id of HOSTILE_IDS) {
        const place = placeOf(repository, id)
        expect(await versionOf(repository, place), JSON.stringify(id)).to.equal(0)
        await put(repository, place, { number: id })
      }
      const { repositoryType } = placeOf(repository, '')
      const query = { ...defaultQuery(repositoryType), fields: ['number'] }
      const { records, total } = await repository.find(BUSINESS, query)
      expect(total).to.equal(HOSTILE_IDS.length)
      expect(records).to.deep.equal(HOSTILE_IDS.toSorted().map((id) => ({ id, number: id })))
      for (const id of HOSTILE_IDS) {
        const found = await read(repository, placeOf(repository, id))
        expect(found?.record).to.deep.equal({ id, number: id })
        expect(
          await write(repository, placeOf(repository, id), null, found?.version ?? 0),
        ).to.equal('applied')
      }
      expect((await repository.find(BUSINESS, query)).total).to.equal(0)
    })

    it('comes back as the very JSON that it was, by get and by find', async () => {
      const { repository } = setup()
      for (const [at, value] of VALUES.entries()) {
        const place = placeOf(repository, `r${at}`)
        const json = JSON.stringify(await put(repository, place, { number: value, total: [value] }))
        expect(JSON.stringify((await read(repository, place))?.record)).to.equal(json)
        const query = { ...defaultQuery(place.repositoryType), filters: { id: `r${at}` } }
        const { records } = await repository.find(BUSINESS, query)
        expect(JSON.stringify(records)).to.equal(`[${json}]`)
      }
    })

    it('is there after all was closed and opened again', async () => {
      const { repository, reopen } = setup()
      const place = placeOf(repository, 'r1')
      await put(repository, place, { total: 1, customer: { name: 'Éva', orders: [] } })
      const kept = await read(repository, place)
      const again = await reopen()
      expect(await read(again, place)).to.deep.equal(kept)
      expect(await write(again, place, null, kept?.version ?? 0)).to.equal('applied')
    })
  })

  describe('two nodes', () => {
    it('see each other’s writes at once', async () => {
      const { repository, other } = setup()
      const place = placeOf(repository, 'r1')
      for (const [total, [writer, reader]] of [
        [repository, other] as const,
        [other, repository] as const,
      ].entries()) {
        await put(writer, place, { total })
        const found = await read(reader, place)
        expect(found).to.deep.equal(await read(writer, place))
        expect(found?.record).to.deep.equal({ id: 'r1', total })
        const query = defaultQuery(place.repositoryType)
        expect(await reader.find(BUSINESS, query)).to.deep.equal({
          records: [{ id: 'r1', total }],
          total: 1,
        })
      }
    })

    it('that change one version at once: one of them does, the others are in conflict', async () => {
      const { repository, other } = setup()
      const place = placeOf(repository, 'r1')
      for (const round of numbers(1, 20)) {
        const base = await versionOf(repository, place)
        const outcomes = await Promise.all(
          numbers(1, 10).map((turn) => {
            const after = base !== 0 && turn % 5 === 0 ? null : { id: 'r1', round, turn }
            return write(turn % 2 === 0 ? repository : other, place, after, base)
          }),
        )
        const winners = outcomes.flatMap((outcome, at) => (outcome === 'applied' ? [at + 1] : []))
        expect(winners, `round ${round}`).to.have.lengthOf(1)
        const [turn = 0] = winners
        const isGone = base !== 0 && turn % 5 === 0
        expect((await read(other, place))?.record).to.deep.equal(
          isGone ? undefined : { id: 'r1', round, turn },
        )
      }
    })
  })
}
