import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { WebSocket } from 'ws'
import { type Payload, rawAgent, type Who } from '../../support/agent-client.ts'
import { type AgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { within } from '../../support/deadline.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { numbers } from '../../support/numbers.ts'
import { announce, epochOf, setUp } from './announcing.ts'
import { VALID } from './scenario.ts'

/** A client that can stop reading: it joins and comes back from the first event. */
async function slowReader(server: AgentServer, who: Who, epoch: unknown) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/socket/websocket`)
  const seqs: number[] = []
  let isComplete: (count: number) => void = () => undefined
  socket.on('message', (data) => {
    const { event, payload } = JSON.parse(String(data)) as { event: string; payload: Payload }
    if (event === 'agent_command_result') seqs.push(Number(payload['seq']))
    isComplete(seqs.length)
  })
  await new Promise((resolve) => socket.once('open', resolve))
  const topic = `agent:${who.sessionId}`
  const send = (event: string, payload: unknown) =>
    socket.send(JSON.stringify({ topic, event, payload, ref: null }))
  send('phx_join', { businessId: who.businessId })
  const { sessionId, payload } = VALID.agent_authenticate(who)
  send('agent_authenticate', { sessionId, payload: { ...(payload as Payload), lastSeq: 0, epoch } })
  const complete = (wanted: number) =>
    new Promise<void>((resolve, reject) => {
      isComplete = (count) => count >= wanted && resolve()
      socket.once('close', (code) => {
        reject(new Error(`closed with ${code} after ${seqs.length} events`))
      })
      isComplete(seqs.length)
    })
  return { socket, seqs, complete }
}

describe('an operator whose client is slow', () => {
  afterEach(stopAgentServers)

  it('gets everything, however slowly it reads', async function () {
    this.timeout(60_000)
    const server = await setUp()
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    // Together far more than a socket may keep waiting: only what is paced can get through.
    const value = 'x'.repeat(300_000)
    const announceSome = async () => {
      for (let left = 40; left > 0; left -= 1) await announce(owner, 1, value)
    }
    await announceSome()
    const slow = await slowReader(server, owner.who, epoch)
    slow.socket.pause()
    await announceSome()
    slow.socket.resume()
    await within(slow.complete(80), 20_000, () => `80 events; came: ${slow.seqs.join()}`)
    expect(slow.seqs).to.deep.equal(numbers(1, 80))
  })

  it('gets everything by long-polling, which takes one poll after the other', async function () {
    this.timeout(60_000)
    const server = await setUp()
    const owner = await rawAgent(server)
    const epoch = await epochOf(owner)
    // Together far more than may wait for polls.
    for (let left = 40; left > 0; left -= 1) await announce(owner, 1, 'x'.repeat(300_000))
    const client = await LongPollClient.open(server.url)
    const topic = `agent:${owner.who.sessionId}`
    await client.join(topic, { businessId: owner.who.businessId })
    const { sessionId, payload } = VALID.agent_authenticate(owner.who)
    const back = { sessionId, payload: { ...(payload as Payload), lastSeq: 0, epoch } }
    await client.push({ topic, event: 'agent_authenticate', payload: back, ref: '2', joinRef: '1' })
    const seqOf = (frame: { readonly payload: unknown }) => (frame.payload as Payload)['seq']
    const isEvent = ({ event }: { readonly event: unknown }) => event === 'agent_command_result'
    await client.until((frame) => isEvent(frame) && seqOf(frame) === 40)
    expect(client.frames.filter(isEvent).map(seqOf)).to.deep.equal(numbers(1, 40))
  })
})
