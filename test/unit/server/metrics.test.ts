import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createEndpoint, type Endpoint } from '../../../server/endpoint.ts'
import { accept, defineChannel, defineSocket, error, ok, refuse } from '../../../server/index.ts'
import { createMetrics, type Metrics } from '../../../server/metrics.ts'
import { openUpgrade } from '../../support/http.ts'
import { connectWire, replyTo, terminateWires } from '../../support/wire-client.ts'

const room = defineChannel('room:*', {
  in: {
    echo: { payload: T.Any(), reply: T.Any() },
    shout: { payload: T.Any() },
    fail: { payload: T.Any() },
  },
  out: { shout: T.Any() },
  join: (socket) => (socket.subtopic === 'closed' ? error('closed') : ok({})),
  handleIn: {
    echo: (_socket, payload) => ok(payload),
    shout: (socket, payload) => socket.broadcast('shout', payload),
    fail() {
      throw new Error('as told')
    },
  },
})

const user = defineSocket({
  channels: [room],
  connect: ({ reject }: { readonly reject?: string }) => (reject ? refuse() : accept()),
})

describe('the metrics of an endpoint', () => {
  let endpoint: Endpoint
  let metrics: Metrics
  let url: string
  let sizesAsked: number

  beforeEach(async () => {
    endpoint = createEndpoint({ mounts: [{ path: '/socket', socket: user }] })
    const { telemetry } = endpoint
    sizesAsked = 0
    const size = () => {
      sizesAsked += 1
      return endpoint.size
    }
    metrics = createMetrics({ telemetry, size, nodeName: 'a "node"' })
    url = `http://127.0.0.1:${await endpoint.listen('127.0.0.1', 0)}`
  })

  afterEach(async () => {
    terminateWires()
    metrics.close()
    await endpoint.drain({ deadlineMs: 0, batchSize: 1_000, batchIntervalMs: 0 })
  })

  /** The samples of one of our metrics by their labels; '' for none. */
  async function samples(name: string): Promise<Readonly<Record<string, number>>> {
    const lines = (await metrics.text()).split('\n')
    const found = lines.flatMap((line) => {
      const match = /^agent_channels_(\w+)\{(.*)\} (\S+)$/.exec(line)
      if (match?.[1] !== name) return []
      const labels = (match[2] ?? '').replace(/,?node="a \\"node\\""/, '')
      return [[labels, Number(match[3])]]
    })
    return Object.fromEntries(found)
  }

  /** A client that has joined a topic. */
  async function joined(topic = 'room:1') {
    const wire = await connectWire(url)
    wire.push({ topic, event: 'phx_join', ref: 'j', joinRef: 'j' })
    await wire.next(replyTo('j'))
    return wire
  }

  const disconnected = () =>
    new Promise<void>((resolve) => endpoint.telemetry.disconnected.subscribe(() => resolve()))

  it('are Prometheus text, each sample with the node’s name', async () => {
    expect(metrics.contentType).to.match(/^text\/plain; version=0\.0\.4/)
    const lines = (await metrics.text()).split('\n').filter((line) => /^[^#]/.test(line))
    expect(lines.length).to.be.above(20)
    for (const line of lines) {
      expect(line).to.match(/^agent_channels_\w+\{.*node="a \\"node\\"".*\} \S+$/)
    }
  })

  it('tell what is there', async () => {
    const wire = await joined()
    wire.push({ topic: 'room:2', event: 'phx_join', ref: '2', joinRef: '2' })
    await wire.next(replyTo('2'))
    await connectWire(url)
    expect(await samples('connections')).to.deep.equal({ '': 2 })
    expect(await samples('channels')).to.deep.equal({ '': 2 })
    expect(await samples('topics')).to.deep.equal({ '': 2 })
    expect(await samples('lanes')).to.deep.equal({ '': 2 })
    expect(await samples('process_resident_memory_bytes')).to.have.key('')
  })

  it('ask once for what is there, each time that they are read', async () => {
    await metrics.text()
    await metrics.text()
    expect(sizesAsked).to.equal(2)
  })

  it('count connects by what became of them', async () => {
    await connectWire(url)
    await openUpgrade(`${url}/socket/websocket?reject=1`)
    await openUpgrade(`${url}/socket/websocket`, { origin: 'https://evil.example' })
    await openUpgrade(`${url}/socket/websocket?vsn=9.9.9`)
    expect(await samples('connects_total')).to.deep.equal({
      'transport="websocket",result="ok"': 1,
      'transport="websocket",result="error"': 1,
    })
    expect(await samples('refused_total')).to.deep.equal({
      'transport="websocket",reason="origin"': 1,
      'transport="websocket",reason="vsn"': 1,
    })
  })

  it('count disconnects by code, and a client’s own codes as one', async () => {
    for (const code of [4000, 4999, 1000]) {
      const gone = disconnected()
      const wire = await connectWire(url)
      wire.close(code)
      await gone
    }
    expect(await samples('disconnects_total')).to.deep.equal({
      'transport="websocket",code="other"': 2,
      'transport="websocket",code="1000"': 1,
    })
  })

  it('count joins, messages, broadcasts and what handlers took', async () => {
    const wire = await joined()
    wire.push({ topic: 'room:closed', event: 'phx_join', ref: '2', joinRef: '2' })
    await wire.next(replyTo('2'))
    wire.push({ topic: 'room:1', event: 'echo', ref: '3', joinRef: 'j' })
    await wire.next(replyTo('3'))
    wire.push({ topic: 'room:1', event: 'shout', ref: '4', joinRef: 'j' })
    await wire.next(({ event }) => event === 'shout')
    expect(await samples('joins_total')).to.deep.equal({ 'result="ok"': 1, 'result="error"': 1 })
    expect(await samples('messages_in_total')).to.deep.equal({ '': 4 })
    expect(await samples('messages_out_total')).to.deep.equal({ '': 4 })
    expect(await samples('messages_out_total'), 'read again').to.deep.equal({ '': 4 })
    expect(await samples('broadcasts_total')).to.deep.equal({ '': 1 })
    expect(await samples('handler_duration_seconds_count')).to.deep.equal({ '': 2 })
    expect((await samples('handler_duration_seconds_sum'))['']).to.be.within(0, 1)
  })

  it('count what threw and what was dropped', async () => {
    const wire = await joined()
    wire.push({ topic: 'room:1', event: 'fail', ref: '2', joinRef: 'j' })
    await wire.next(({ event }) => event === 'phx_error')
    wire.send('no JSON')
    await wire.closed
    expect(await samples('crashes_total')).to.deep.equal({ 'where="channel"': 1 })
    expect(await samples('dropped_total')).to.deep.equal({ 'reason="undecodable_frame"': 1 })
  })

  it('hold nothing that a client said', async () => {
    const wire = await joined('room:MARK')
    wire.push({ topic: 'room:MARK', event: 'MARK', ref: 'MARK', payload: { MARK: 'MARK' } })
    wire.push({ topic: 'MARK:1', event: 'phx_join', ref: 'MARK', joinRef: 'MARK' })
    await wire.next(({ topic, event }) => topic === 'MARK:1' && event === 'phx_reply')
    await openUpgrade(`${url}/socket/websocket?vsn=MARK`, { origin: 'https://MARK' })
    expect(await metrics.text()).not.to.contain('MARK')
  })

  it('count no more once closed', async () => {
    metrics.close()
    await joined()
    expect(await metrics.text()).not.to.contain('joins_total')
  })
})
