import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Meta, PresenceDiff, Presences } from '../../server/presence/presence.ts'
import { createTelemetry } from '../../server/telemetry.ts'
import { Queue } from '../support/queue.ts'
import { diffsOf, diffWith, Owner, PROTO, refsOf, type Setup, TOPIC } from './presence-setup.ts'

/** What an app adds to presences, and what it is told of them. */
export function fetchSuite(setup: Setup): void {
  const named = (presences: Presences): Presences => {
    const result: Presences = Object.create(null)
    for (const [key, value] of Object.entries(presences)) {
      result[key] = { ...value, name: `name of ${key}` }
    }
    return result
  }

  describe('fetch', () => {
    it('adds to the list, to a key, and to joins and leaves (C5.14)', async () => {
      const fetched: [string, string[]][] = []
      const node = await setup().node({
        fetch(topic, presences) {
          fetched.push([topic, Object.keys(presences)])
          return named(presences)
        },
      })
      const diffs = diffsOf(node)
      const owner = new Owner()
      node.presence.track(owner, 'u1', { a: 1 })
      const { joins, leaves } = await diffs.next()
      expect(joins).to.containSubset({ u1: { name: 'name of u1', metas: [{ a: 1 }] } })
      expect(leaves).to.deep.equal({})
      expect(fetched).to.deep.equal([
        [TOPIC, ['u1']],
        [TOPIC, []],
      ])
      expect({ ...node.presence.list(owner) }).to.deep.equal(joins)
      expect(node.presence.getByKey(owner, 'u1')).to.deep.equal(joins['u1'])
      expect(node.presence.getByKey(owner, 'u2')).to.deep.equal([])
      owner.end()
      expect((await diffs.next()).leaves).to.deep.equal(joins)
    })

    it('may be async: then so are list and getByKey', async () => {
      const { presence } = await setup().node({ fetch: async (_topic, found) => named(found) })
      const owner = new Owner()
      presence.track(owner, PROTO, {})
      const list = await presence.list(owner)
      expect(Object.keys(list)).to.deep.equal([PROTO])
      expect(await presence.getByKey(owner, PROTO)).to.deep.equal(list[PROTO])
      expect(list[PROTO]).to.include({ name: `name of ${PROTO}` })
      expect(await presence.getByKey(owner, 'u1')).to.deep.equal([])
    })

    it('that takes its time reorders nothing and loses nothing (C5.15)', async () => {
      const asked = new Queue<() => void>(() => 'a fetch')
      const node = await setup().node({
        fetch: (_topic, presences) =>
          new Promise<Presences>((resolve) => asked.push(() => resolve(named(presences)))),
      })
      const answer = async (): Promise<void> => {
        for (const each of [await asked.next(), await asked.next()]) each()
      }
      const diffs = diffsOf(node)
      const owner = new Owner()
      node.presence.track(owner, 'u1', {})
      const first = [await asked.next(), await asked.next()]
      node.presence.track(owner, 'u2', {})
      node.presence.untrack(owner, 'u1')
      node.presence.track(owner, 'u3', {})
      node.presence.untrack(owner, 'u3')
      expect(diffs.all).to.deep.equal([])
      for (const each of first) each()
      await answer()
      await diffWith(diffs, 'leaves', 'u1')
      expect(diffs.all.map(({ joins }) => Object.keys(joins))).to.deep.equal([['u1'], ['u2']])
      expect(diffs.all.map(({ leaves }) => Object.keys(leaves))).to.deep.equal([[], ['u1']])
    })

    it('of one topic that takes its time holds up no other', async () => {
      const node = await setup().node({
        fetch: (topic, found) => (topic === TOPIC ? new Promise<Presences>(() => {}) : found),
      })
      const elsewhere = diffsOf(node, 'room:other')
      const owner = new Owner()
      node.presence.track(owner, 'u1', {})
      node.presence.track(owner, 'u1', {}, { topic: 'room:other' })
      expect(Object.keys((await elsewhere.next()).joins)).to.deep.equal(['u1'])
    })

    it('cannot take away or change keys and metas', async () => {
      const node = await setup().node({
        fetch: () => ({ u1: { metas: [], name: 'Ann' }, ghost: { metas: [] } }),
      })
      const diffs = diffsOf(node)
      const owner = new Owner()
      node.presence.track(owner, 'u1', { a: 1 })
      node.presence.track(owner, 'u2', { a: 2 })
      const { joins, leaves } = await diffs.next()
      expect(joins).to.have.all.keys('u1', 'u2')
      expect(joins).to.containSubset({
        u1: { name: 'Ann', metas: [{ a: 1 }] },
        u2: { metas: [{ a: 2 }] },
      })
      expect(leaves).to.deep.equal({})
    })

    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    const broken: Record<string, () => unknown> = {
      throws() {
        throw new Error('broken')
      },
      rejects: () => Promise.reject(new Error('broken')),
      'never answers': () => new Promise(() => {}),
      'returns nothing': () => undefined,
      'returns what cannot be sent': () => ({ u1: { loop } }),
    }
    for (const [what, fetch] of Object.entries(broken)) {
      it(`that ${what} takes nothing down: diffs go out as they are (C5.16)`, async () => {
        const telemetry = createTelemetry()
        const crashes = new Queue<unknown>(String)
        telemetry.crashed.subscribe(({ error }) => crashes.push(error))
        const node = await setup().node({ fetch, fetchMs: 20, telemetry })
        const diffs = diffsOf(node)
        const owner = new Owner()
        node.presence.track(owner, 'u1', { a: 1 })
        const { joins, leaves } = await diffs.next()
        expect(joins).to.have.all.keys('u1')
        expect(joins['u1']).to.have.all.keys('metas')
        expect(leaves).to.deep.equal({})
        expect(await crashes.next()).to.be.instanceOf(Error)
        owner.end()
        expect(refsOf((await diffs.next()).leaves)).to.deep.equal(refsOf(joins))
      })
    }

    it('that throws leaves the list as it is', async () => {
      const { presence } = await setup().node({
        fetch(): Presences {
          throw new Error('broken')
        },
      })
      const owner = new Owner()
      presence.track(owner, 'u1', {})
      expect(presence.list(owner)).to.have.all.keys('u1')
    })
  })

  describe('handleMetas', () => {
    it('gets each diff after it was told, and all metas by key as they are then (C5.17)', async () => {
      type Call = [string, PresenceDiff, Readonly<Record<string, readonly Meta[]>>, number]
      const calls = new Queue<Call>((call) => JSON.stringify(call))
      const node = await setup().node({
        fetch: (_topic, presences) => named(presences),
        handleMetas(topic, diff, metas) {
          calls.push([topic, diff, metas, diffs.all.length])
        },
      })
      const diffs = diffsOf(node)
      const [ann, bob] = [new Owner(), new Owner()]
      node.presence.track(ann, 'u1', { a: 1 })
      await calls.next()
      node.presence.track(bob, 'u1', { a: 2 })
      const [topic, diff, metas, told] = await calls.next()
      expect(topic).to.equal(TOPIC)
      expect(told).to.equal(2)
      expect(diff).to.deep.equal(diffs.all[1])
      expect(diff.joins['u1']).to.include({ name: 'name of u1' })
      expect(metas['u1']?.map((meta) => meta['a'])).to.have.members([1, 2])
      ann.end()
      bob.end()
      const [, { leaves }, left] = await calls.next()
      expect(leaves['u1']?.metas).to.have.lengthOf(2)
      expect({ ...left }).to.deep.equal({})
    })

    for (const [what, handleMetas] of Object.entries({
      throws() {
        throw new Error('broken')
      },
      rejects: () => Promise.reject(new Error('broken')),
    })) {
      it(`that ${what} is reported and harms nothing`, async () => {
        const telemetry = createTelemetry()
        const crashes = new Queue<unknown>(String)
        telemetry.crashed.subscribe(({ error }) => crashes.push(error))
        const node = await setup().node({ handleMetas, telemetry })
        const diffs = diffsOf(node)
        const owner = new Owner()
        node.presence.track(owner, 'u1', {})
        await diffs.next()
        expect(await crashes.next()).to.include({ message: 'broken' })
        owner.end()
        expect((await diffs.next()).leaves).to.have.all.keys('u1')
      })
    }
  })
}
