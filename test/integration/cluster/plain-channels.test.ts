import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { FAULT_SECONDS } from '../../support/cluster.ts'
import { within } from '../../support/deadline.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { type ServerProcess, startProgram } from '../../support/server-process.ts'
import { connectWire, replyTo, terminateWires, type WireClient } from '../../support/wire-client.ts'

const NODE = new URL('../../support/plain-node.ts', import.meta.url)
const TOPIC = 'room:lobby'
/** What may be lost while Redis is away, and what must not take longer afterwards. */
const JOIN_MS = 2_000
const WHOLE_MS = 5_000
const AGAIN_MS = 50

describe('plain channels while Redis does not answer', function () {
  this.timeout(60_000 + FAULT_SECONDS * 1_000)
  let redis: TestRedis
  let nodes: readonly ServerProcess[] = []

  before(async () => {
    redis = await startRedis()
    const start = () => startProgram(NODE, { REDIS_URL: redis.url })
    nodes = await Promise.all([start(), start()])
  })
  after(async () => {
    terminateWires()
    await Promise.all(nodes.map((node) => node.kill9()))
    await redis.stop()
  })

  async function join(node: ServerProcess | undefined): Promise<WireClient> {
    const wire = await connectWire(node?.url ?? '')
    wire.push({ topic: TOPIC, event: 'phx_join', ref: '1', joinRef: '1' })
    expect((await wire.next(replyTo('1'), JOIN_MS)).payload).to.include({ status: 'ok' })
    return wire
  }

  const say = (wire: WireClient, text: string) =>
    wire.push({ topic: TOPIC, event: 'say', payload: { text }, ref: null, joinRef: '1' })
  const hears = (wire: WireClient, text: string, timeoutMs?: number) =>
    wire.next(
      ({ event, payload }) => event === 'said' && (payload as { text: unknown }).text === text,
      timeoutMs,
    )

  it('clients of one node go on talking, new ones join, and then all hear all again', async () => {
    const [ann, bob, cid] = await Promise.all([join(nodes[0]), join(nodes[0]), join(nodes[1])])
    say(ann, 'before')
    await Promise.all([ann, bob, cid].map((wire) => hears(wire, 'before')))

    redis.pause()
    const paused = performance.now()
    const late = await Promise.all([join(nodes[0]), join(nodes[1])])
    let said = 0
    while (performance.now() - paused < FAULT_SECONDS * 1_000) {
      said += 1
      say(ann, `meanwhile ${said}`)
      await Promise.all([ann, bob, late[0]].map((wire) => hears(wire, `meanwhile ${said}`)))
      await sleep(AGAIN_MS)
    }
    redis.resume()

    // At most once: said again until it gets through.
    const everybody = [ann, bob, cid, ...late]
    let isThrough = false
    const again = async (): Promise<void> => {
      while (!isThrough) {
        for (const wire of [ann, cid]) say(wire, wire === ann ? 'from ann' : 'from cid')
        await sleep(AGAIN_MS)
      }
    }
    const heard = Promise.all(
      everybody.flatMap((wire) => [
        hears(wire, 'from ann', WHOLE_MS),
        hears(wire, 'from cid', WHOLE_MS),
      ]),
    ).finally(() => {
      isThrough = true
    })
    await within(Promise.all([heard, again()]), WHOLE_MS, 'everybody hears everybody')
    const texts = cid.frames.map(({ payload }) => (payload as { text?: string }).text ?? '')
    const elsewhere = texts.filter((text) => text.startsWith('meanwhile'))
    expect(new Set(elsewhere).size, 'nothing twice').to.equal(elsewhere.length)
    console.log(
      `      ${said} messages said and heard on their node; the other one got ${elsewhere.length}`,
    )
  })
})
