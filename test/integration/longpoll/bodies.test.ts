import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok } from '../../../server/index.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { linkedPubSubs } from '../../contract/linked-pubsub.ts'
import { gate } from '../../support/gate.ts'
import { ask } from '../../support/http.ts'
import { LongPollClient, NDJSON, said } from '../../support/longpoll-client.ts'
import { exchange } from '../../support/raw-http.ts'
import { replyTo } from '../../support/wire-client.ts'
import { cleanUp, log, room, serve } from '../channels/harness.ts'
import { echo, LONG, push } from './session.ts'

describe('long-poll: bodies', () => {
  afterEach(cleanUp)

  const START = '/socket/longpoll?vsn=2.0.0'
  const MB = 1_000_000
  /** Of a node that nobody knows. */
  const STRANGER = Buffer.alloc(66, 7).toString('base64url')
  const turned = (token: string, at: number) =>
    token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)

  /** Two nodes, and how many bytes the second one has told the first. */
  async function pair() {
    const [near, far] = linkedPubSubs(2) as readonly [PubSub, PubSub]
    let told = 0
    const counting: PubSub = {
      ...far,
      publish(broadcast, options) {
        told += broadcast.bytes?.byteLength ?? 0
        far.publish(broadcast, options)
      },
    }
    const home = await serve(echo, { ...LONG, pubsub: near })
    const other = await serve(echo, { ...LONG, pubsub: counting })
    return { home, other, told: () => told }
  }

  it('nobody’s is not waited for: a POST without a session’s token is answered by its head', async () => {
    const { url } = await serve(room(), LONG)
    const { token } = await LongPollClient.open(url)
    const queries = ['', '&token=', '&token=bad', `&token=${turned(token, 40)}`, '&token[]=a']
    for (const query of [...queries, `&token=${STRANGER}`]) {
      const head = `POST ${START}${query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${8 * MB}\r\n\r\n[`
      const [answer] = await exchange(url, head)
      expect(answer?.status, query).to.equal(200)
      expect(answer?.headers.get('content-length'), query).to.equal('14')
      const whole = await ask(url + START + query, { method: 'POST', body: 'x'.repeat(MB) })
      expect(said(whole), query).to.deep.equal({ status: 410 })
    }
  })

  it('nobody’s is not told to other nodes, whatever token it comes with', async () => {
    const { home, other, told } = await pair()
    const { token } = await LongPollClient.open(home.url)
    for (const forged of [STRANGER, turned(token, 20), turned(token, 60)]) {
      const posted = { method: 'POST', body: 'x'.repeat(2 * MB) }
      const answer = await ask(`${other.url}${START}&token=${forged}`, posted)
      expect(said(answer)).to.deep.equal({ status: 410 })
    }
    expect(told()).to.be.greaterThan(0).and.lessThan(2_000)
  })

  it('a session’s comes whole to its node, from whichever it is posted at', async () => {
    const { home, other, told } = await pair()
    const client = await LongPollClient.open(home.url)
    await client.join('room:a')
    const big = 'x'.repeat(2 * MB)
    for (const { url } of [home, other]) {
      const there = new LongPollClient([url], client.token)
      expect(await there.push(push('echo', { big }, url))).to.equal(200)
      const { payload } = await there.until(replyTo(url))
      expect(payload).to.deep.equal({ status: 'ok', response: { big } })
    }
    expect(told()).to.be.greaterThan(2 * MB)
  })

  it('a session’s that are not answered yet have room for one together; others have their own', async () => {
    const { opened, open } = gate()
    const joining = log<string>()
    const channel = room({
      async join(socket) {
        joining.push(socket.topic)
        if (socket.topic === 'room:slow') await opened
        return ok()
      },
    })
    const { url } = await serve(channel, { longpoll: { windowMs: 15_000, maxBodyBytes: 100_000 } })
    const [client, neighbour] = [await LongPollClient.open(url), await LongPollClient.open(url)]
    const payload = { text: 'x'.repeat(60_000) }
    const join = (topic: string) => ({ ...push('phx_join', payload, topic), topic, joinRef: topic })
    const slow = client.push(join('room:slow'))
    await joining.next()
    const body = JSON.stringify(['1', '1', 'room:b', 'phx_join', payload])
    const second = await ask(client.url(), { method: 'POST', body })
    expect(second).to.include({ status: 503, body: '{"status":500}' })
    expect(await neighbour.push(join('room:c'))).to.equal(200)
    await client.fence()
    open()
    expect(await slow).to.equal(200)
    expect(await client.post(body)).to.equal(200)
  })

  it('give their room back when their client goes away', async () => {
    const joining = log<string>()
    const channel = room({
      join(socket) {
        joining.push(socket.topic)
        return new Promise(() => undefined)
      },
    })
    const { url } = await serve(channel, { longpoll: { windowMs: 15_000, maxBodyBytes: 100_000 } })
    const client = await LongPollClient.open(url)
    const payload = { text: 'x'.repeat(60_000) }
    const abort = new AbortController()
    const body = JSON.stringify(['1', '1', 'room:a', 'phx_join', payload])
    const post = { method: 'POST', body, signal: abort.signal }
    const going = ask(client.url(), post).catch(() => 'gone')
    await joining.next()
    abort.abort()
    expect(await going).to.equal('gone')
    // The server has noticed by the time that it answers a later request.
    expect(await ask(`${url}/nothing`)).to.include({ status: 404 })
    // No base64: it need not wait for the join before it is answered.
    expect(await client.post('!'.repeat(60_000), NDJSON)).to.equal(400)
  })
})
