import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import type { PresenceDiff } from '../../server/presence/presence.ts'
import { EncodeError } from '../../server/protocol/message.ts'
import type { Queue } from '../support/queue.ts'
import {
  diffsOf,
  Owner,
  PROTO,
  type PresenceNode,
  ref,
  refsOf,
  type Setup,
  settled,
  TOPIC,
} from './presence-setup.ts'

/** What is said of one's own node. */
export function trackSuite(setup: Setup): void {
  let node: PresenceNode
  let presence: PresenceNode['presence']
  let diffs: Queue<PresenceDiff>
  let owner: Owner

  beforeEach(async () => {
    node = await setup().node()
    presence = node.presence
    diffs = diffsOf(node)
    owner = new Owner()
  })

  describe('track', () => {
    it('tells the new meta with its phx_ref, and that nobody left (C5.1)', async () => {
      const phx_ref = ref(presence.track(owner, 'u1', { status: 'online' }))
      expect(phx_ref).to.match(/^[\w-]{16}$/)
      expect(await diffs.next()).to.deep.equal({
        joins: { u1: { metas: [{ status: 'online', phx_ref }] } },
        leaves: {},
      })
    })

    it('is in the list before it returns', () => {
      const phx_ref = ref(presence.track(owner, 'u1', { status: 'online' }))
      const list = { u1: { metas: [{ status: 'online', phx_ref }] } }
      expect({ ...presence.list(owner) }).to.deep.equal(list)
      expect({ ...presence.list(TOPIC) }).to.deep.equal(list)
      expect({ ...presence.list('room:other') }).to.deep.equal({})
    })

    it('is told before the list that shows it: a list that is sent comes after its diff', async () => {
      const one = ref(presence.track(owner, 'u1', {}))
      expect(refsOf(presence.list(TOPIC))).to.deep.equal({ u1: [one] })
      expect(diffs.all.map(({ joins }) => refsOf(joins))).to.deep.equal([{ u1: [one] }])
      expect(await settled(node, diffs)).to.have.lengthOf(1)
    })

    it('of many at once, each of whom asks for the list, is told in two diffs', async () => {
      const crowd = Array.from({ length: 100 }, () => new Owner())
      for (const each of crowd) {
        presence.track(each, 'u1', {})
        presence.list(each)
      }
      const told = [await diffs.next(), await diffs.next()]
      expect(told.map(({ joins }) => joins['u1']?.metas.length)).to.deep.equal([1, 99])
    })

    it('puts the metas of several owners under one key (C5.3)', () => {
      const refs = [new Owner(), new Owner()].map((each) => ref(presence.track(each, 'u1', {})))
      expect(refsOf(presence.list(TOPIC))).to.deep.equal({ u1: refs.sort() })
    })

    it('of the same owner, topic and key is an error and changes nothing (C5.4)', async () => {
      const first = ref(presence.track(owner, 'u1', { a: 1 }))
      await diffs.next()
      expect(presence.track(owner, 'u1', { a: 2 })).to.deep.equal({ error: 'already_tracked' })
      expect(await settled(node, diffs)).to.have.lengthOf(1)
      expect(presence.getByKey(owner, 'u1')).to.deep.equal({ metas: [{ a: 1, phx_ref: first }] })
    })

    it('takes the same owner under several keys and on several topics', async () => {
      const elsewhere = diffsOf(node, 'room:other')
      const one = ref(presence.track(owner, 'u1', {}))
      const two = ref(presence.track(owner, 'u2', {}))
      const other = ref(presence.track(owner, 'u1', {}, { topic: 'room:other' }))
      expect(refsOf(presence.list(TOPIC))).to.deep.equal({ u1: [one], u2: [two] })
      expect(refsOf(presence.list('room:other'))).to.deep.equal({ u1: [other] })
      expect(refsOf((await elsewhere.next()).joins)).to.deep.equal({ u1: [other] })
    })

    it('shows a number as a string, and yet tells it from that string (C5.5)', async () => {
      const number = ref(presence.track(owner, 5, { kind: 'number' }))
      const string = ref(presence.track(owner, '5', { kind: 'string' }))
      expect(refsOf((await diffs.next()).joins)).to.deep.equal({ '5': [number, string].sort() })
      presence.untrack(owner, 5)
      expect(refsOf((await diffs.next()).leaves)).to.deep.equal({ '5': [number] })
      expect(refsOf(presence.list(TOPIC))).to.deep.equal({ '5': [string] })
    })

    it('takes any key, those of Object.prototype too (C5.28)', async () => {
      const keys = [PROTO, 'constructor', 'toString', 'hasOwnProperty', '', '\u0000']
      for (const key of keys) presence.track(owner, key, { is: key })
      const { joins } = await diffs.next()
      expect(Object.keys(joins).sort()).to.deep.equal([...keys].sort())
      expect(Object.keys(presence.list(TOPIC)).sort()).to.deep.equal([...keys].sort())
      for (const key of keys) {
        const value = presence.getByKey(TOPIC, key)
        expect('metas' in value && value.metas.map((meta) => meta['is'])).to.deep.equal([key])
      }
      expect({}).not.to.have.property('is')
    })

    it('copies the meta: what becomes of the original is not told', () => {
      const meta = { deep: { a: 1 }, when: new Date(0) }
      presence.track(owner, 'u1', meta)
      meta.deep.a = 2
      const value = presence.getByKey(owner, 'u1')
      expect('metas' in value && value.metas).to.containSubset([
        { deep: { a: 1 }, when: '1970-01-01T00:00:00.000Z' },
      ])
    })

    it('keeps a __proto__ in the meta as a field like any other', async () => {
      presence.track(owner, 'u1', JSON.parse('{"__proto__":{"admin":true}}'))
      const [meta] = (await diffs.next()).joins['u1']?.metas ?? []
      expect(Object.hasOwn(meta ?? {}, PROTO)).to.equal(true)
      expect(meta).not.to.have.property('admin')
    })

    it('throws for a meta that cannot be sent, and tracks nothing', async () => {
      const loop: Record<string, unknown> = {}
      loop['self'] = loop
      let deep = {}
      for (let depth = 0; depth < 2_000; depth += 1) deep = { deep }
      expect(() => presence.track(owner, 'u1', loop)).to.throw(EncodeError)
      expect(() => presence.track(owner, 'u1', { n: 1n })).to.throw(EncodeError)
      for (const meta of [['a'], new Date(), deep]) {
        expect(() => presence.track(owner, 'u1', meta)).to.throw(TypeError)
      }
      expect(await settled(node, diffs)).to.deep.equal([])
      expect(presence.getByKey(TOPIC, 'u1')).to.deep.equal([])
    })

    it('refuses an owner that has ended', async () => {
      owner.end()
      expect(presence.track(owner, 'u1', {})).to.deep.equal({ error: 'ended' })
      expect(await settled(node, diffs)).to.deep.equal([])
    })
  })

  describe('update', () => {
    it('tells the new meta and the old one in one diff (C5.6)', async () => {
      const before = ref(presence.track(owner, 'u1', { status: 'online' }))
      await diffs.next()
      const phx_ref = ref(presence.update(owner, 'u1', { status: 'away' }))
      expect(phx_ref).not.to.equal(before)
      expect(await diffs.next()).to.deep.equal({
        joins: { u1: { metas: [{ status: 'away', phx_ref, phx_ref_prev: before }] } },
        leaves: { u1: { metas: [{ status: 'online', phx_ref: before }] } },
      })
    })

    it('knows only one step back (C5.7)', () => {
      presence.track(owner, 'u1', { step: 0 })
      const phx_ref_prev = ref(presence.update(owner, 'u1', { step: 1 }))
      const phx_ref = ref(presence.update(owner, 'u1', { step: 2 }))
      expect(presence.getByKey(owner, 'u1')).to.deep.equal({
        metas: [{ step: 2, phx_ref, phx_ref_prev }],
      })
    })

    it('by a function starts from the present meta (C5.8)', () => {
      presence.track(owner, 'u1', { status: 'online', since: 1 })
      const phx_ref = ref(presence.update(owner, 'u1', (meta) => ({ ...meta, status: 'away' })))
      const value = presence.getByKey(owner, 'u1')
      expect('metas' in value && value.metas).to.containSubset([
        { status: 'away', since: 1, phx_ref },
      ])
    })

    it('of what is not tracked is an error and changes nothing (C5.9)', async () => {
      const nopresence = { error: 'nopresence' }
      expect(presence.update(owner, 'u1', {})).to.deep.equal(nopresence)
      presence.track(owner, 'u1', {})
      await diffs.next()
      expect(presence.update(owner, 'u2', {})).to.deep.equal(nopresence)
      expect(presence.update(new Owner(), 'u1', {})).to.deep.equal(nopresence)
      expect(presence.update(owner, 'u1', {}, { topic: 'room:other' })).to.deep.equal(nopresence)
      expect(await settled(node, diffs)).to.have.lengthOf(1)
    })

    it('by a function that fails changes nothing', async () => {
      presence.track(owner, 'u1', {})
      const before = refsOf(presence.list(TOPIC))
      const fail = (): object => {
        throw new Error('no')
      }
      expect(() => presence.update(owner, 'u1', fail)).to.throw('no')
      expect(refsOf(presence.list(TOPIC))).to.deep.equal(before)
    })

    it('by a function that untracks it itself finds nothing left', () => {
      presence.track(owner, 'u1', {})
      const result = presence.update(owner, 'u1', (meta) => {
        presence.untrack(owner, 'u1')
        return meta
      })
      expect(result).to.deep.equal({ error: 'nopresence' })
      expect({ ...presence.list(TOPIC) }).to.deep.equal({})
    })
  })

  describe('untrack', () => {
    it('tells what left (C5.10)', async () => {
      const phx_ref = ref(presence.track(owner, 'u1', { a: 1 }))
      await diffs.next()
      presence.untrack(owner, 'u1')
      expect({ ...presence.list(TOPIC) }).to.deep.equal({})
      expect(await diffs.next()).to.deep.equal({
        joins: {},
        leaves: { u1: { metas: [{ a: 1, phx_ref }] } },
      })
    })

    it('of nothing tells nothing (C5.10)', async () => {
      presence.untrack(owner, 'u1')
      presence.untrackAll(owner)
      presence.track(owner, 'u1', {})
      await diffs.next()
      presence.untrack(owner, 'u2')
      presence.untrack(new Owner(), 'u1')
      presence.untrack(owner, 'u1', { topic: 'room:other' })
      expect(await settled(node, diffs)).to.have.lengthOf(1)
    })

    it('leaves what another owner has under the same key', () => {
      presence.track(owner, 'u1', {})
      const kept = ref(presence.track(new Owner(), 'u1', {}))
      presence.untrack(owner, 'u1')
      expect(refsOf(presence.list(TOPIC))).to.deep.equal({ u1: [kept] })
    })

    it('of all is one diff for each topic, and the owner may track again', async () => {
      const elsewhere = diffsOf(node, 'room:other')
      presence.track(owner, 'u1', {})
      presence.track(owner, 'u2', {})
      presence.track(owner, 'u1', {}, { topic: 'room:other' })
      await Promise.all([diffs.next(), elsewhere.next()])
      presence.untrackAll(owner)
      expect(Object.keys((await diffs.next()).leaves)).to.have.members(['u1', 'u2'])
      expect(Object.keys((await elsewhere.next()).leaves)).to.deep.equal(['u1'])
      const again = ref(presence.track(owner, 'u1', {}))
      expect(refsOf((await diffs.next()).joins)).to.deep.equal({ u1: [again] })
    })
  })

  it('finds nothing under a key that is not there: an empty list (C5.13)', () => {
    presence.track(owner, 'u1', {})
    expect(presence.getByKey(owner, 'u2')).to.deep.equal([])
    expect(presence.getByKey('room:other', 'u1')).to.deep.equal([])
    expect(presence.getByKey(owner, PROTO)).to.deep.equal([])
  })
}
