import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import {
  closeSockets,
  collect,
  joinChannel,
  joinRefused,
  openSocket,
  pushError,
  pushOk,
} from '../../support/phoenix-client.ts'
import { Queue } from '../../support/queue.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { type FakeServer, startFake } from './fake-server.ts'

/** Nobody replies to these; phoenix.js would wait for 10 s, and hold up the end of the run. */
const SOON_MS = 1

/** Answers every event with its payload: `say` pushes, an event or topic with `bad` in it is an error. */
function answer(text: string): string {
  const [joinRef, ref, topic, event, payload] = JSON.parse(text)
  if (event === 'say') return JSON.stringify([joinRef, null, topic, 'said', payload])
  const status = `${topic} ${event}`.includes('bad') ? 'error' : 'ok'
  return JSON.stringify([joinRef, ref, topic, 'phx_reply', { status, response: payload }])
}

describe('the phoenix.js helpers', () => {
  let server: FakeServer
  let ends: Queue<number>

  beforeEach(async () => {
    ends = new Queue<number>(String)
    server = await startFake((socket) => {
      socket.on('message', (data) => socket.send(answer(String(data))))
      socket.on('close', (code) => ends.push(code))
    })
  })

  afterEach(async () => {
    await closeSockets()
    await server.close()
  })

  it('open a socket, join, and return what the server replied', async () => {
    const socket = await openSocket(`${server.url}/socket`, { params: { a: 1 } })
    const channel = socket.channel('room:a', { b: 2 })
    expect(await joinChannel(channel)).to.deep.equal({ b: 2 })
    expect(await pushOk(channel, 'echo', { c: 3 })).to.deep.equal({ c: 3 })
    expect(await pushError(channel, 'bad', { d: 4 })).to.deep.equal({ d: 4 })
    expect(await joinRefused(socket.channel('room:bad', { e: 5 }))).to.deep.equal({ e: 5 })
  })

  it('reject where the reply is the other one', async () => {
    const socket = await openSocket(`${server.url}/socket`)
    const channel = socket.channel('room:a')
    await joinChannel(channel)
    const refused = await rejectionMessage(pushOk(channel, 'bad', { reason: 'no' }))
    expect(refused).to.equal('bad: error {"reason":"no"}, not ok')
    expect(await rejectionMessage(pushError(channel, 'echo'))).to.equal('echo: ok {}, not error')
    const join = await rejectionMessage(joinChannel(socket.channel('room:bad')))
    expect(join).to.equal('join of room:bad: error {}, not ok')
  })

  it('collect events, so that none is missed', async () => {
    const socket = await openSocket(`${server.url}/socket`)
    const channel = socket.channel('room:a')
    const said = collect(channel, 'said')
    await joinChannel(channel)
    for (const n of [1, 2, 3]) channel.push('say', { n }, SOON_MS)
    await pushOk(channel, 'echo')
    expect(said.all).to.deep.equal([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(await said.next()).to.deep.equal({ n: 1 })
    expect(await said.next((payload) => payload !== said.all[1])).to.deep.equal({ n: 3 })
  })

  it('reject where the socket is refused, and do not try again', async () => {
    const refused = openSocket(`${server.url}/socket`, { params: { reject: true } })
    expect(await rejectionMessage(refused))
      .to.include('no socket at')
      .and.to.include('403')
  })

  it('end every socket at cleanup', async () => {
    await openSocket(`${server.url}/socket`)
    await openSocket(`${server.url}/socket`)
    await closeSockets()
    await ends.next()
    await ends.next()
    expect(ends.all).to.have.length(2)
  })
})
