import { isDeepStrictEqual } from 'node:util'
import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import type { PresenceDiff } from '../../server/presence/presence.ts'
import type { Queue } from '../support/queue.ts'
import {
  diffsOf,
  diffWith,
  Owner,
  PROTO,
  type PresenceNode,
  ref,
  refsOf,
  type Setup,
  TOPIC,
  until,
} from './presence-setup.ts'

/** What several nodes are to one another. */
export function clusterSuite(setup: Setup): void {
  describe('several nodes', () => {
    let a: PresenceNode
    let b: PresenceNode
    let onA: Queue<PresenceDiff>
    let onB: Queue<PresenceDiff>

    beforeEach(async () => {
      a = await setup().node()
      b = await setup().node()
      onA = diffsOf(a)
      onB = diffsOf(b)
    })

    it('tell one another of each change, once (C5.19, C5.20)', async () => {
      const owner = new Owner()
      const phx_ref = ref(a.presence.track(owner, 'u1', { status: 'online' }))
      const joined = {
        joins: { u1: { metas: [{ status: 'online', phx_ref }] } },
        leaves: {},
      }
      expect(await onA.next()).to.deep.equal(joined)
      expect(await onB.next()).to.deep.equal(joined)
      expect({ ...b.presence.list(TOPIC) }).to.deep.equal(joined.joins)

      const next = ref(a.presence.update(owner, 'u1', { status: 'away' }))
      const updated = {
        joins: { u1: { metas: [{ status: 'away', phx_ref: next, phx_ref_prev: phx_ref }] } },
        leaves: joined.joins,
      }
      expect(await onA.next()).to.deep.equal(updated)
      expect(await onB.next()).to.deep.equal(updated)

      owner.end()
      expect(await onA.next()).to.deep.equal({ joins: {}, leaves: updated.joins })
      expect(await onB.next()).to.deep.equal({ joins: {}, leaves: updated.joins })
      expect(onA.all).to.have.lengthOf(3)
      expect(onB.all).to.have.lengthOf(3)
    })

    it('a user on both leaves one and stays on the other (C5.30)', async () => {
      const here = new Owner()
      const left = ref(a.presence.track(here, 'u1', {}))
      const kept = ref(b.presence.track(new Owner(), 'u1', {}))
      await until(onA, () => lists(a, [left, kept]))
      await until(onB, () => lists(b, [left, kept]))
      here.end()
      for (const diffs of [onA, onB]) {
        expect(refsOf((await diffWith(diffs, 'leaves', 'u1')).leaves)).to.deep.equal({ u1: [left] })
      }
      expect(lists(a, [kept])).to.equal(true)
      expect(lists(b, [kept])).to.equal(true)
    })

    it('a node that comes later knows at once who is there', async () => {
      const phx_ref = ref(a.presence.track(new Owner(), PROTO, { a: 1 }))
      await onB.next()
      const late = await setup().node()
      const list = late.presence.list(TOPIC)
      expect(Object.keys(list)).to.deep.equal([PROTO])
      expect(list[PROTO]).to.deep.equal({ metas: [{ a: 1, phx_ref }] })
      const onLate = diffsOf(late)
      const again = ref(a.presence.track(new Owner(), 'u2', {}))
      expect(refsOf((await diffWith(onLate, 'joins', 'u2')).joins)['u2']).to.deep.equal([again])
    })

    it('a node that closes takes its users along, at once', async () => {
      const gone = ref(a.presence.track(new Owner(), 'u1', {}))
      const kept = ref(b.presence.track(new Owner(), 'u1', {}))
      await until(onB, () => lists(b, [gone, kept]))
      await a.presence.close()
      expect(refsOf((await diffWith(onB, 'leaves', 'u1')).leaves)).to.deep.equal({ u1: [gone] })
      expect(lists(b, [kept])).to.equal(true)
      expect(lists(await setup().node(), [kept])).to.equal(true)
    })

    it('what changes while a node closes is gone with it', async () => {
      a.presence.track(new Owner(), 'u1', {})
      await onB.next()
      a.presence.track(new Owner(), 'u2', {})
      const closing = a.presence.close()
      a.presence.track(new Owner(), 'u3', {})
      await closing
      await diffWith(onB, 'leaves', 'u1')
      b.presence.track(new Owner(), 'last', {})
      await diffWith(onB, 'joins', 'last')
      expect(Object.keys(b.presence.list(TOPIC))).to.deep.equal(['last'])
      const late = await setup().node()
      expect(Object.keys(late.presence.list(TOPIC))).to.deep.equal(['last'])
    })

    it('thousands of changes on all nodes end with the same list everywhere (C5.25)', async () => {
      const nodes = [a, b, await setup().node()]
      const heard = nodes.map((node) => diffsOf(node))
      const owners = nodes.map(() => Array.from({ length: 50 }, () => new Owner()))
      for (let round = 0; round < 30; round += 1) {
        nodes.forEach((node, at) => void churn(node, owners[at] ?? [], round + at))
        await new Promise(setImmediate)
      }
      for (const { presence } of nodes) presence.track(new Owner(), 'last', {})
      const knowsAll = ({ presence }: PresenceNode) =>
        refsOf(presence.list(TOPIC))['last']?.length === nodes.length
      await Promise.all(nodes.map((node, at) => until(heard[at] ?? onA, () => knowsAll(node))))
      const [first, ...others] = nodes.map(({ presence }) => refsOf(presence.list(TOPIC)))
      expect(Object.keys(first ?? {}).length).to.be.greaterThan(30)
      expect(others).to.deep.equal([first, first])
    })
  })
}

/** Whether a node lists user u1 with exactly these refs, and nobody else. */
function lists({ presence }: PresenceNode, refs: readonly string[]): boolean {
  return isDeepStrictEqual(refsOf(presence.list(TOPIC)), { u1: [...refs].sort() })
}

/** Every owner comes or says something new; then a third of them leaves. */
function churn({ presence }: PresenceNode, owners: readonly Owner[], round: number): void {
  for (const [at, owner] of owners.entries()) {
    const key = `u${at}`
    if ('error' in presence.update(owner, key, { round })) presence.track(owner, key, {})
    if ((at + round) % 3 === 0) presence.untrack(owner, key)
  }
}
