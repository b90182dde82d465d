import { once } from 'node:events'
import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, refuse } from '../../server/index.ts'
import type { Node } from '../../server/node.ts'
import { ask, openUpgrade } from '../support/http.ts'
import { connectWire, replyTo, type WireClient } from '../support/wire-client.ts'
import { closeCode, openRaw, terminateRaws } from './channels/raw-socket.ts'
import { joined, logs, start, stopNodes, stubApp } from './stub-node.ts'

describe('the limits of a node', () => {
  afterEach(async () => {
    terminateRaws()
    await stopNodes()
  })

  /** What one of the metrics says, with these labels in it. */
  async function metric({ url }: Node, name: string, labels: string): Promise<number> {
    const { body } = await ask(`${url}/metrics`)
    const isIt = (line: string) => line.startsWith(`agent_channels_${name}{${labels}`)
    return Number(body.split('\n').find(isIt)?.split(' ').at(-1))
  }

  const dropped = (node: Node, reason: string) =>
    metric(node, 'dropped_total', `reason="${reason}"`)
  const refused = (node: Node, reason: string, transport = 'websocket') =>
    metric(node, 'refused_total', `transport="${transport}",reason="${reason}"`)
  const closed = (node: Node, code: number) =>
    metric(node, 'disconnects_total', `transport="websocket",code="${code}"`)

  const statusOf = async ({ webSocketUrl }: Node) => (await openUpgrade(webSocketUrl)).status
  const polled = async ({ url }: Node, query = '') =>
    (await ask(`${url}/socket/longpoll?vsn=2.0.0${query}`)).status

  /** On a machine that is busy with other things. */
  const PATIENCE_MS = 15_000

  function flood(client: WireClient, count: number): void {
    for (let n = 1; n <= count; n += 1) {
      client.push({ topic: 'phoenix', event: 'heartbeat', ref: `${n}` })
    }
  }

  async function joinReply(client: WireClient, topic: string) {
    client.push({ topic, event: 'phx_join', ref: topic, joinRef: topic })
    return (await client.next(replyTo(topic))).payload
  }

  const refusal = (reason: string) => ({ status: 'error', response: { reason } })

  it('are none for this machine’s addresses, unless UNLIMITED_ADDRESSES says so', async () => {
    const one = { MAX_CONNECTIONS_PER_ADDRESS: '1' }
    const slow = { MAX_CONNECTS_PER_SECOND_PER_ADDRESS: '1' }
    const open = await start({ ...one, ...slow })
    for (let n = 0; n < 20; n += 1) await joined(open.url)
    for (let n = 0; n < 20; n += 1) expect(await polled(open)).to.equal(200)

    const full = await start({ ...one, UNLIMITED_ADDRESSES: 'none' })
    await joined(full.url)
    expect([await statusOf(full), await polled(full)]).to.deep.equal([429, 503])
    expect(await refused(full, 'address_connections')).to.equal(1)
    expect(await refused(full, 'address_connections', 'longpoll')).to.equal(1)

    const busy = await start({ ...slow, UNLIMITED_ADDRESSES: '10.0.0.0/8' })
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(busy)))
    const turnedAway = statuses.filter((status) => status === 429).length
    expect(turnedAway).to.be.above(0)
    expect(await refused(busy, 'address_connects')).to.equal(turnedAway)
  })

  it('are of connections in all by MAX_CONNECTIONS', async () => {
    const node = await start({ MAX_CONNECTIONS: '1' })
    await joined(node.url)
    expect([await statusOf(node), await polled(node)]).to.deep.equal([503, 503])
    expect(await refused(node, 'node_connections')).to.equal(1)
    expect(await refused(node, 'node_connections', 'longpoll')).to.equal(1)
  })

  it('are of an operator’s connections by MAX_CONNECTIONS_PER_OPERATOR', async () => {
    const { app } = stubApp()
    const connect = ({ who }: { readonly who?: string }) =>
      who ? accept({}, `operator:b1/${who}`) : refuse()
    const node = await start({ MAX_CONNECTIONS_PER_OPERATOR: '1' }, async () => ({
      ...app,
      socket: { ...app.socket, connect: connect as never },
    }))
    await connectWire(node.url, { params: { who: '1' } })
    const statusAs = async (who: string) =>
      (await openUpgrade(`${node.webSocketUrl}?who=${who}`)).status
    expect(await statusAs('1')).to.equal(429)
    expect(await polled(node, '&who=1')).to.equal(503)
    expect(await statusAs('2')).to.equal(101)
    expect(await refused(node, 'id_connections')).to.equal(1)
    expect(await refused(node, 'id_connections', 'longpoll')).to.equal(1)
  })

  it('are of a socket’s messages by MAX_MESSAGES_PER_SECOND', async () => {
    const node = await start({ MAX_MESSAGES_PER_SECOND: '10' })
    const [client, other] = [await joined(node.url), await joined(node.url)]
    flood(client, 2_000)
    expect(await client.closed).to.include({ code: 4429 })
    await other.fence()
    expect(await dropped(node, 'message_rate')).to.equal(1)
    expect(await closed(node, 4429)).to.equal(1)
  })

  it('admit ten thousand messages of a socket at once by default', async () => {
    const client = await joined((await start()).url)
    flood(client, 9_999)
    await client.next(replyTo('9999'), PATIENCE_MS)
  })

  it('are of joins by MAX_JOINS_PER_SECOND_PER_SOCKET and MAX_JOINS_PER_SECOND', async () => {
    const env = { MAX_JOINS_PER_SECOND_PER_SOCKET: '1', MAX_JOINS_PER_SECOND: '1000000' }
    const node = await start(env)
    const client = await joined(node.url)
    await Promise.all(Array.from({ length: 20 }, (_, n) => joinReply(client, `room:${n + 2}`)))
    const payloads = client.frames.map(({ payload }) => payload)
    expect(payloads).to.deep.include(refusal('too many joins'))
    expect(await dropped(node, 'socket_joins')).to.be.above(0)

    const small = await start({ MAX_JOINS_PER_SECOND: '1' })
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectWire(small.url)))
    const replies = await Promise.all(clients.map((each) => joinReply(each, 'room:1')))
    expect(replies).to.deep.include(refusal('too many joins'))
    expect(await dropped(small, 'node_joins')).to.be.above(0)
  })

  it('admit ten thousand joins at once by default, a hundred on each of a hundred sockets', async () => {
    const node = await start()
    const clients = await Promise.all(Array.from({ length: 100 }, () => connectWire(node.url)))
    const topics = Array.from({ length: 100 }, (_, n) => `room:${n}`)
    for (const topic of topics) {
      for (const client of clients)
        client.push({ topic, event: 'phx_join', ref: topic, joinRef: topic })
    }
    await Promise.all(clients.map((client) => client.next(replyTo('room:99'), PATIENCE_MS)))
    expect(await metric(node, 'channels', '')).to.equal(10_000)
  })

  it('are of channels by MAX_CHANNELS_PER_SOCKET, which is counted', async () => {
    const node = await start({ MAX_CHANNELS_PER_SOCKET: '1' })
    const reply = await joinReply(await joined(node.url), 'room:2')
    expect(reply).to.deep.equal(refusal('too many channels joined'))
    expect(await dropped(node, 'socket_channels')).to.equal(1)
  })

  it('are of depth by MAX_PAYLOAD_DEPTH', async () => {
    const node = await start({ MAX_PAYLOAD_DEPTH: '10' })
    const client = await joined(node.url)
    client.push({ topic: 'room:1', event: 'echo', payload: [[[[[[[[[[]]]]]]]]]], ref: '2' })
    await client.next(replyTo('2'))
    client.push({ topic: 'room:1', event: 'echo', payload: [[[[[[[[[[[]]]]]]]]]]], ref: '3' })
    expect(await client.closed).to.include({ code: 1011 })
    expect(await dropped(node, 'payload_depth')).to.equal(1)
  })

  it('are of time without a join by JOIN_WITHIN_MS', async () => {
    const node = await start({ JOIN_WITHIN_MS: '1500' })
    const [member, idle] = [await joined(node.url), await connectWire(node.url)]
    expect(await idle.closed).to.include({ code: 4408 })
    await member.fence()
    expect(await closed(node, 4408)).to.equal(1)
  })

  it('are of what waits by MAX_MAILBOX_MESSAGES and MAX_MAILBOX_BYTES', async () => {
    for (const env of [
      { MAX_MAILBOX_MESSAGES: '2' },
      { MAX_MAILBOX_BYTES: '1024', MAX_FRAME_BYTES: '1024' },
    ]) {
      const node = await start(env)
      const client = await joined(node.url)
      const payload = { pad: 'x'.repeat(400) }
      for (let n = 0; n < 4; n += 1) {
        client.push({ topic: 'room:1', event: 'wait', joinRef: 'j', payload })
      }
      expect(await client.closed).to.include({ code: 4429 })
      expect(await dropped(node, 'mailbox_full')).to.equal(1)
    }
  })

  it('are of what a client does not read by MAX_BUFFERED_BYTES', async () => {
    const node = await start({ MAX_BUFFERED_BYTES: '65536' })
    const client = await openRaw(node.url)
    client.send(JSON.stringify(['j', 'j', 'room:1', 'phx_join', {}]))
    await once(client, 'message')
    // It may notice the end while it does not read: what it sends is not taken any more.
    const code = closeCode(client)
    client.pause()
    // More than the operating system's own buffers take.
    const echo = JSON.stringify(['j', '1', 'room:1', 'echo', 'x'.repeat(1_000_000)])
    for (let n = 0; n < 30; n += 1) client.send(echo)
    while ((await dropped(node, 'slow_consumer')) !== 1);
    client.resume()
    expect(await code).to.equal(1006)
  })

  it('are of long-poll sessions by MAX_LONGPOLL_SESSIONS', async () => {
    const node = await start({ MAX_LONGPOLL_SESSIONS: '1' })
    expect([await polled(node), await polled(node)]).to.deep.equal([200, 503])
    expect(await refused(node, 'sessions', 'longpoll')).to.equal(1)
  })

  it('are of an operator’s requests by MAX_OPERATIONS_PER_SECOND_PER_OPERATOR', async () => {
    const stub = stubApp()
    const node = await start({ MAX_OPERATIONS_PER_SECOND_PER_OPERATOR: '7' }, stub.create)
    expect(stub.options?.operationsPerOperator).to.deep.equal({ perSecond: 7, burst: 14 })
    stub.options?.onRateLimited?.()
    expect(await dropped(node, 'rate_limited')).to.equal(1)
  })

  it('are lifted by 0', async () => {
    const stub = stubApp()
    const names = [
      ...['MAX_MESSAGES_PER_SECOND', 'MAX_PAYLOAD_DEPTH', 'MAX_JOINS_PER_SECOND_PER_SOCKET'],
      ...['MAX_JOINS_PER_SECOND', 'JOIN_WITHIN_MS', 'MAX_CONNECTIONS'],
      ...['MAX_CONNECTIONS_PER_ADDRESS', 'MAX_CONNECTS_PER_SECOND_PER_ADDRESS'],
      ...['MAX_CONNECTIONS_PER_OPERATOR', 'MAX_OPERATIONS_PER_SECOND_PER_OPERATOR'],
      ...['MAX_LONGPOLL_SESSIONS'],
    ]
    const lifted = Object.fromEntries(names.map((name) => [name, '0']))
    const node = await start({ ...lifted, UNLIMITED_ADDRESSES: 'none' }, stub.create)
    expect(stub.options).not.to.have.property('operationsPerOperator')
    const [client] = [await joined(node.url), await joined(node.url)]
    flood(client, 15_000)
    await client.next(replyTo('15000'), PATIENCE_MS)
    expect(await polled(node)).to.equal(200)
  })

  it('that clients run into are logged, so many lines a second', async () => {
    const node = await start({ MAX_CHANNELS_PER_SOCKET: '1' })
    const client = await joined(node.url)
    for (let n = 0; n < 50; n += 1) await joinReply(client, `room:${n + 2}`)
    const lines = logs.filter((line) => line.includes('socket_channels'))
    expect(lines.length).to.be.within(1, 40)
  })
})
