import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { Broadcast } from '../../../server/protocol/broadcast.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import {
  decode,
  encode,
  type NodeMessage,
  topicOf,
} from '../../../server/transport/longpoll-message.ts'
import { newNodeName, nodeOf } from '../../../server/transport/longpoll-token.ts'
import { ask } from '../../support/http.ts'
import { LongPollClient, said } from '../../support/longpoll-client.ts'
import { cleanUp, log, recorded, room, serve } from '../channels/harness.ts'
import { LONG } from './session.ts'

describe('long-poll: a token that says it is another node’s', () => {
  afterEach(cleanUp)

  const START = '/socket/longpoll?vsn=2.0.0'

  /** A server that is one of several, whoever hears what it asks `node`, and a way to ask it with forged tokens. */
  async function among(pubsub: PubSub, node: string, burst: number) {
    const clock = { ms: 0 }
    const connectsPerAddress = { perSecond: 1, burst }
    const server = await serve(room(), {
      ...LONG,
      pubsub,
      limits: { connectsPerAddress, now: () => clock.ms },
    })
    const heard = log<Broadcast>()
    await pubsub.subscribe(topicOf(node), (message) => heard.push(message))
    const token = node + 'A'.repeat(72)
    const send = (method: string, signal?: AbortSignal) =>
      ask(`${server.url}${START}&token=${token}`, { method, ...(signal && { signal }) })
    const refused = recorded(server.endpoint.telemetry.refused)
    /** The status for whoever wants a session. */
    const begun = async () => said(await ask(server.url + START)).status
    return { ...server, refused, begun, clock, heard, send }
  }

  for (const method of ['GET', 'POST']) {
    it(`counts a token that is nobody’s, and asks no other node after too many: ${method}`, async () => {
      const pubsub = createLocalPubSub()
      const home = await serve(room(), { ...LONG, pubsub })
      const { token } = await LongPollClient.open(home.url)
      const node = nodeOf(token) ?? ''
      const { begun, clock, refused, heard, send } = await among(pubsub, node, 3)
      const answers: unknown[] = []
      for (let n = 0; n < 5; n += 1) answers.push(said(await send(method)).status)
      expect(answers).to.deep.equal([410, 410, 410, 500, 500])
      expect(heard.all).to.have.length(3)
      expect(await begun()).to.equal(500)
      const reason = 'address_connects'
      expect(refused.all).to.deep.equal(Array(3).fill({ transport: 'longpoll', reason }))
      clock.ms = 1_000
      expect(said(await send(method)).status).to.equal(410)
    })

    it(`counts each of those that come at once, also if nobody waits for it: ${method}`, async () => {
      const pubsub = createLocalPubSub()
      const { url, endpoint, begun, clock, heard, send } = await among(pubsub, newNodeName(), 2)
      const abort = new AbortController()
      const gone = Array.from({ length: 4 }, () => send(method, abort.signal).catch(String))
      const staying = Array.from({ length: 4 }, () => send(method))
      const asked: NodeMessage[] = []
      while (asked.length < 8) asked.push(...[decode(await heard.next()) ?? []].flat())
      abort.abort()
      await Promise.all(gone)
      // The server has noticed by the time that it answers a later request.
      expect(await ask(`${url}/nothing`)).to.include({ status: 404 })
      for (const each of asked) {
        if (each.kind !== 'ask') continue
        const { id, from } = each
        pubsub.publish(encode(from, { kind: 'outcome', id, outcome: { kind: 'none' } }))
      }
      const statuses = (await Promise.all(staying)).map((each) => said(each).status)
      expect(statuses.filter((status) => status === 410).length).to.be.at.most(2)
      expect(endpoint.size.connections).to.be.at.most(2)
      clock.ms = 6_000
      expect(await begun()).to.equal(500)
      clock.ms = 7_000
      expect(await begun()).to.equal(410)
    })
  }
})
