import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import type { PresenceDiff } from '../../server/presence/presence.ts'
import type { Queue } from '../support/queue.ts'
import {
  diffsOf,
  diffWith,
  Owner,
  type PresenceNode,
  type Setup,
  settled,
  TOPIC,
} from './presence-setup.ts'

/** How long entries last, and how what becomes of them is told. */
export function lifetimeSuite(setup: Setup): void {
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

  describe('the end of an owner', () => {
    it('removes all of its entries, with one diff for each topic (C5.11, C5.12)', async () => {
      const elsewhere = diffsOf(node, 'room:other')
      for (const key of ['u1', 'u2', 'u3']) presence.track(owner, key, {})
      presence.track(owner, 'u1', {}, { topic: 'room:other' })
      presence.track(new Owner(), 'u4', {})
      await Promise.all([diffs.next(), elsewhere.next()])
      owner.end()
      expect(Object.keys(presence.list(TOPIC))).to.deep.equal(['u4'])
      expect(Object.keys((await diffs.next()).leaves)).to.have.members(['u1', 'u2', 'u3'])
      expect(Object.keys((await elsewhere.next()).leaves)).to.deep.equal(['u1'])
      expect(await settled(node, diffs)).to.have.lengthOf(2)
      expect(elsewhere.all).to.have.lengthOf(2)
    })

    it('has nothing to remove twice', async () => {
      presence.track(owner, 'u1', {})
      presence.untrackAll(owner)
      presence.track(owner, 'u1', {})
      await diffs.next()
      owner.end()
      await diffs.next()
      expect(presence.update(owner, 'u1', {})).to.deep.equal({ error: 'nopresence' })
      expect(presence.track(owner, 'u1', {})).to.deep.equal({ error: 'ended' })
      expect(await settled(node, diffs)).to.have.lengthOf(2)
    })
  })

  describe('diffs', () => {
    it('gather what happens within one turn: who came and went was never there', async () => {
      const owners = Array.from({ length: 1_000 }, () => new Owner())
      for (const [at, each] of owners.entries()) presence.track(each, `u${at}`, {})
      presence.untrack(owners[0] as Owner, 'u0')
      const { joins, leaves } = await diffs.next()
      expect(Object.keys(joins)).to.have.lengthOf(999)
      expect(leaves).to.deep.equal({})
      for (const each of owners) each.end()
      expect(Object.keys((await diffs.next()).leaves)).to.have.lengthOf(999)
      expect(await settled(node, diffs)).to.have.lengthOf(2)
    })

    it('keep their order where a subscriber that is told changes something itself', async () => {
      await node.pubsub.subscribe(TOPIC, ({ json }) => {
        if (Object.hasOwn(JSON.parse(json).joins, 'first')) presence.track(owner, 'second', {})
      })
      const late = diffsOf(node)
      presence.track(owner, 'first', {})
      await diffWith(late, 'joins', 'second')
      for (const heard of [diffs, late]) {
        const keys = heard.all.map(({ joins }) => Object.keys(joins))
        expect(keys).to.deep.equal([['first'], ['second']])
      }
    })

    it('of a subscriber that throws harm neither the tracker nor later diffs', async () => {
      await node.pubsub.subscribe(TOPIC, () => {
        throw new Error('a subscriber threw')
      })
      presence.track(owner, 'u1', {})
      await diffs.next()
      presence.untrack(owner, 'u1')
      expect(Object.keys((await diffs.next()).leaves)).to.deep.equal(['u1'])
    })
  })
}
