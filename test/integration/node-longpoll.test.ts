import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ask } from '../support/http.ts'
import { LongPollClient, said } from '../support/longpoll-client.ts'
import { replyTo } from '../support/wire-client.ts'
import { start, startSlowly, stopNodes, stubApp } from './stub-node.ts'

describe('one node, by long-polling', () => {
  afterEach(stopNodes)

  const join = { topic: 'room:1', event: 'phx_join', ref: '1', joinRef: '1' }
  const echo = (payload: unknown) => ({ topic: 'room:1', event: 'echo', payload, ref: '2' })
  const first = '/socket/longpoll?vsn=2.0.0'

  it('serves the app’s socket at /socket/longpoll, with what connect is told', async () => {
    const stub = stubApp()
    const { url } = await start({}, stub.create)
    const headers = { 'x-phoenix-authtoken': 'a.b.cd', 'user-agent': 'test' }
    const { token = '' } = said(await ask(`${url + first}&a=1`, { headers }))
    const client = new LongPollClient([url], token)
    await client.push(join, echo({ n: 1 }))
    expect((await client.until(replyTo('2'))).payload).to.deep.equal({
      status: 'ok',
      response: { n: 1 },
    })
    const [params, info] = stub.connects[0] ?? []
    expect(params).to.include({ a: '1' })
    expect(info).to.deep.include({ auth_token: 'a.b.cd', user_agent: 'test' })
    expect(info).to.have.nested.property('peer_data.address', '127.0.0.1')
    const { body: metrics } = await ask(`${url}/metrics`)
    expect(metrics).to.contain('agent_channels_connects_total{transport="longpoll",result="ok"')
    expect(metrics).to.contain('agent_channels_connections{node="node-1"} 1')
  })

  it('checks origins by CHECK_ORIGIN', async () => {
    const statusOf = async (env: Readonly<Record<string, string>>) => {
      const { url } = await start(env)
      return said(await ask(url + first, { headers: { origin: 'https://app.example' } })).status
    }
    expect(await statusOf({})).to.equal(403)
    expect(await statusOf({ CHECK_ORIGIN: '//app.example' })).to.equal(410)
  })

  it('takes a message of exactly MAX_FRAME_BYTES', async () => {
    const { url } = await start({ MAX_FRAME_BYTES: '70000' })
    const client = await LongPollClient.open(url)
    await client.push(join)
    const empty = JSON.stringify(['1', '2', 'room:1', 'echo', ''])
    const message = (bytes: number) => empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`)
    expect(await client.post(message(70_000))).to.equal(200)
    await client.until(replyTo('2'))
    client.post(message(70_001)).catch(() => undefined)
    // Its own POST is told after a window; the next one finds no session.
    let status: unknown = 200
    while (status === 200) status = await client.push(echo({}))
    expect(status).to.equal(410)
  })

  it('tells clients to come back while the app starts', async () => {
    const { url, finish } = await startSlowly()
    expect(await ask(url + first)).to.include({ status: 503, body: '{"status":500}' })
    await finish()
    expect(said(await ask(url + first)).status).to.equal(410)
  })

  it('does not wait for polls when it stops', async () => {
    const stub = stubApp()
    const node = await start({}, stub.create)
    const client = await LongPollClient.open(node.url)
    await client.push(join)
    await client.until(replyTo('1'))
    const { said: polled } = await client.waitingPoll()
    await node.stop()
    expect(await polled).to.deep.equal({ status: 500 })
    expect(stub.events).to.deep.equal(['closed'])
  })
})
