import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { placeIn } from '../../../server/presence/place.ts'
import type { Presence, PresenceDiff } from '../../../server/presence/presence.ts'
import { createRedisPresence } from '../../../server/presence/redis.ts'
import { READ, WRITE } from '../../../server/presence/scripts.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import { connectRedis } from '../../../server/redis/connect.ts'
import type { Redis } from '../../../server/redis/redis.ts'
import { createTelemetry } from '../../../server/telemetry.ts'
import {
  diffsOf,
  diffWith,
  Owner,
  type PresenceNode,
  TOPIC,
  until,
} from '../../contract/presence-setup.ts'
import { closeSockets } from '../../support/phoenix-client.ts'
import type { Queue } from '../../support/queue.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type ServerProcess, startProgram } from '../../support/server-process.ts'
import { enter } from './people.ts'

const PREFIX = 'test'
/** Longer than two nodes may take, one after the other, to find Redis again. */
const LEASE_MS = 4_000
const FAULT_MS = 60_000

interface TestNode extends PresenceNode {
  readonly redis: Redis
  readonly diffs: Queue<PresenceDiff>
  /** How often something came that was not understood. */
  foreign(): number
  close(): Promise<void>
}

async function startNode(url: string): Promise<TestNode> {
  const redis = connectRedis({ url, onError() {} })
  const pubsub = createLocalPubSub()
  const telemetry = createTelemetry()
  let foreign = 0
  telemetry.dropped.subscribe(({ count }) => {
    foreign += count
  })
  const options = { redis, prefix: PREFIX, leaseMs: LEASE_MS, telemetry }
  const presence = await createRedisPresence(pubsub, options)
  const diffs = diffsOf({ presence, pubsub })
  return {
    presence,
    pubsub,
    redis,
    diffs,
    foreign: () => foreign,
    async close() {
      await presence.close()
      await redis.close()
    },
  }
}

const keysOf = (presence: Presence): readonly string[] => Object.keys(presence.list(TOPIC)).sort()
const toldBy = ({ diffs }: TestNode, side: 'joins' | 'leaves'): readonly string[] =>
  diffs.all.flatMap((diff) => Object.keys(diff[side])).sort()

describe('presence while Redis is in trouble', () => {
  let server: TestRedis
  let a: TestNode
  let b: TestNode
  let nodes: TestNode[] = []
  let third: ServerProcess | undefined
  let ann: Owner

  beforeEach(async () => {
    server = await startRedis({ appendonly: true })
    a = await startNode(server.url)
    b = await startNode(server.url)
    nodes = [a, b]
    ann = new Owner()
    a.presence.track(ann, 'ann', {})
    b.presence.track(new Owner(), 'bob', {})
    await allSee('ann', 'bob')
  })
  afterEach(async () => {
    server.resume()
    await closeSockets()
    await third?.kill9()
    await Promise.all(nodes.map((node) => node.close()))
    await server.stop()
  })

  async function allSee(...keys: readonly string[]): Promise<void> {
    const isSo = ({ presence }: TestNode) => keysOf(presence).join() === [...keys].sort().join()
    await Promise.all(nodes.map((node) => until(node.diffs, () => isSo(node))))
  }

  /** A node that dies meanwhile: by its users it can be told when the others judge again. */
  async function startThird(): Promise<ServerProcess> {
    const env = { REDIS_URL: server.url, PREFIX, LEASE_MS: String(LEASE_MS) }
    third = await startProgram(new URL('../../support/presence-node.ts', import.meta.url), env)
    await enter(third.url, { name: 'cid' })
    await allSee('ann', 'bob', 'cid')
    return third
  }

  const faults: Record<string, { begin(): Promise<void>; end(): Promise<void> }> = {
    'stands still for longer than a lease': {
      begin: async () => server.pause(),
      async end() {
        // The fault is the time that passes: nothing happens that could be waited for.
        await sleep(LEASE_MS + 500)
        server.resume()
      },
    },
    'is restarted and has lost its data': {
      begin: () => server.kill9(),
      end: () => server.restart({ keepData: false }),
    },
    'is restarted and has its data': {
      begin: () => server.kill9(),
      end: () => server.restart({ keepData: true }),
    },
  }
  for (const [what, { begin, end }] of Object.entries(faults)) {
    it(`nobody flickers when it ${what}: who died meanwhile leaves, nobody else`, async function () {
      this.timeout(FAULT_MS)
      const dying = await startThird()
      await begin()
      await dying.kill9()
      a.presence.untrack(ann, 'ann')
      a.presence.track(new Owner(), 'dan', {})
      expect(keysOf(a.presence)).to.deep.equal(['bob', 'cid', 'dan'])
      expect(keysOf(b.presence)).to.deep.equal(['ann', 'bob', 'cid'])
      await end()
      await b.diffs.next(({ joins }) => Object.hasOwn(joins, 'dan'), FAULT_MS / 2)
      for (const { diffs } of nodes) {
        await diffs.next(({ leaves }) => Object.hasOwn(leaves, 'cid'), FAULT_MS / 2)
      }
      for (const node of nodes) {
        expect(toldBy(node, 'leaves')).to.deep.equal(['ann', 'cid'])
        expect(toldBy(node, 'joins')).to.deep.equal(['ann', 'bob', 'cid', 'dan'])
        expect(keysOf(node.presence)).to.deep.equal(['bob', 'dan'])
      }
      const { nodes: key } = placeIn(a.redis, PREFIX)
      expect(await server.cli('hlen', key), 'nodes that Redis remembers').to.equal('2')
      const late = await startNode(server.url)
      nodes.push(late)
      expect(keysOf(late.presence)).to.deep.equal(['bob', 'dan'])
    })
  }

  it('what Redis loses while it runs is written again, and nobody leaves', async () => {
    await server.cli('flushall')
    a.presence.track(new Owner(), 'dan', {})
    await diffWith(b.diffs, 'joins', 'dan')
    const late = await startNode(server.url)
    nodes.push(late)
    await allSee('ann', 'bob', 'dan')
    for (const node of [a, b]) expect(toldBy(node, 'leaves')).to.deep.equal([])
  })

  it('what is told while a node does not listen is read when it does again', async () => {
    await server.cli('client', 'kill', 'type', 'pubsub')
    a.presence.update(ann, 'ann', { while: 'away' })
    a.presence.track(new Owner(), 'dan', {})
    await diffWith(b.diffs, 'joins', 'dan')
    expect(b.presence.list(TOPIC)['ann']?.metas).to.containSubset([{ while: 'away' }])
    expect(b.presence.list(TOPIC)['ann']?.metas).to.have.lengthOf(1)
  })

  it('what others say on its channel is counted and ignored', async () => {
    const { channel } = placeIn(a.redis, PREFIX)
    for (const strange of ['', '{}', '[9,"x",1,"gone"]', '[1,"x",1,{"joined":[[1]],"left":[]}]']) {
      await a.redis.publish(channel, Buffer.from(strange))
    }
    a.presence.track(new Owner(), 'dan', {})
    await diffWith(b.diffs, 'joins', 'dan')
    expect(b.foreign()).to.equal(4)
    expect(keysOf(b.presence)).to.deep.equal(['ann', 'bob', 'dan'])
  })

  it('a write that comes late, overtaken by a newer one, changes nothing', async () => {
    const place = placeIn(a.redis, PREFIX)
    const keys = [place.nodes, place.entries('x')]
    const write = (seq: number, before: number | '', ...fields: readonly string[]) =>
      a.redis.script(WRITE, keys, ['x', LEASE_MS, seq, before, ...fields])
    expect(await write(1, '', 'ref1', 'one')).to.equal(1)
    expect(await write(3, '', 'ref3', 'three')).to.equal(1)
    expect(await write(2, 1, 'ref2', 'two'), 'a step').to.equal(0)
    expect(await write(2, '', 'ref2', 'two'), 'all anew').to.equal(0)
    expect(await a.redis.script(READ, keys, ['x'])).to.deep.equal(['3', 'three'])
    expect(await write(4, 3, 'ref3', '', 'ref4', 'four')).to.equal(1)
    expect(await a.redis.script(READ, keys, ['x'])).to.deep.equal(['4', 'four'])
  })

  it('leaves nothing in Redis when the last node has gone', async () => {
    await Promise.all(nodes.map((node) => node.close()))
    nodes = []
    expect(await server.cli('keys', '*')).to.equal('')
  })
})
