import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, refuse } from '../../../server/index.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import type { ConnectLimits } from '../../../server/transport/admission.ts'
import { gate } from '../../support/gate.ts'
import { ask, openUpgrade } from '../../support/http.ts'
import { LongPollClient, type Said, said } from '../../support/longpoll-client.ts'
import { connectWire } from '../../support/wire-client.ts'
import { cleanUp, log, recorded, room, type ServeOptions, serve } from '../channels/harness.ts'
import { LONG } from './session.ts'

type Connect = NonNullable<ServeOptions['connect']>

describe('long-poll: admission', () => {
  afterEach(cleanUp)

  const START = '/socket/longpoll?vsn=2.0.0'
  const UPGRADE = '/socket/websocket?vsn=2.0.0'
  const ANN = '&id=user:ann'
  const NO_ROOM = [503, { status: 500 }]

  const connect: Connect = ({ id, reject }) => (reject ? refuse() : accept({}, id ?? null))
  const WAYS: readonly (readonly [name: string, connect: Connect])[] = [
    ['at once', connect],
    ['later', async (params, info) => connect(params, info)],
  ]

  /** A server, and what it tells of connects. */
  async function limited(limits: ConnectLimits, options: ServeOptions = {}) {
    const server = await serve(room(), { ...LONG, connect, ...options, limits })
    const { refused, disconnected } = server.endpoint.telemetry
    return { ...server, refused: recorded(refused), ended: recorded(disconnected) }
  }

  /** The answer to whoever wants a session: HTTP's status and the body. */
  async function tried(url: string, query = '') {
    const answer = await ask(url + START + query)
    return [answer.status, said(answer)]
  }

  /** A session ends by what its client sends; the answer to that comes later. */
  const crash = (session: LongPollClient) => void session.post('{]').catch(() => undefined)

  const together: readonly (readonly [ConnectLimits, reason: string, status: number])[] = [
    [{ maxConnections: 2 }, 'node_connections', 503],
    [{ maxConnectionsPerAddress: 2 }, 'address_connections', 429],
    [{ maxConnectionsPerId: 2 }, 'id_connections', 429],
  ]
  for (const [limits, reason, status] of together) {
    for (const [when, decide] of WAYS) {
      it(`is of WebSockets and sessions together, and each makes room for one: ${reason}, ${when}`, async () => {
        const { url, refused, ended } = await limited(limits, { connect: decide })
        const full = async () => {
          expect(await tried(url, ANN)).to.deep.equal(NO_ROOM)
          expect(await refused.next()).to.deep.equal({ transport: 'longpoll', reason })
          expect(await openUpgrade(url + UPGRADE + ANN)).to.include({ status })
          expect(await refused.next()).to.deep.equal({ transport: 'websocket', reason })
        }
        const webSocket = await connectWire(url, { params: { id: 'user:ann' } })
        const session = await LongPollClient.open(url, ANN)
        await full()
        crash(session)
        expect(await ended.next()).to.deep.equal({ transport: 'longpoll', code: 1011 })
        await LongPollClient.open(url, ANN)
        await full()
        webSocket.terminate()
        expect(await ended.next()).to.include({ transport: 'websocket' })
        await LongPollClient.open(url, ANN)
        await full()
      })
    }
  }

  for (const [when, decide] of WAYS) {
    it(`has a limit of sessions alone, and one that ended makes room: ${when}`, async () => {
      const limits = { maxLongPollSessions: 2 }
      const { url, endpoint, refused, ended } = await limited(limits, { connect: decide })
      for (const query of [ANN, '&id=user:bob']) await LongPollClient.open(url, query)
      expect(await tried(url)).to.deep.equal(NO_ROOM)
      expect(refused.all).to.deep.equal([{ transport: 'longpoll', reason: 'sessions' }])
      await connectWire(url)
      endpoint.broadcast('user:bob', 'disconnect', {})
      expect(ended.all).to.deep.equal([{ transport: 'longpoll', code: 1001 }])
      await LongPollClient.open(url)
      expect(await tried(url)).to.deep.equal(NO_ROOM)
      expect(endpoint.size).to.include({ connections: 3 })
    })
  }

  for (const [limits, letIn] of [
    [{ maxConnections: 2 }, 2],
    [{ maxConnectionsPerAddress: 2 }, 2],
    [{ maxConnectionsPerId: 2 }, 2],
    [{ maxLongPollSessions: 2 }, 5],
  ] as const) {
    it(`lets in no more for their being let in all at once: ${Object.keys(limits)}`, async () => {
      const all = gate()
      const { url, endpoint, refused } = await limited(limits, {
        async connect() {
          await all.opened
          return accept({}, 'user:ann')
        },
      })
      const sessions = [1, 2, 3].map(() => tried(url))
      const webSockets = [1, 2, 3].map(() => connectWire(url).catch(String))
      // The last one is asked for by then: a request of its own comes after it.
      expect(await ask(`${url}/nothing`)).to.include({ status: 404 })
      all.open()
      await Promise.all([...sessions, ...webSockets])
      expect(refused.all).to.have.length(6 - letIn)
      expect(endpoint.size).to.include({ connections: letIn })
    })
  }

  it('counts what is tried from one address over the rate, whatever it is; polls are not connects', async () => {
    const clock = { ms: 0 }
    const connectsPerAddress = { perSecond: 10, burst: 5 }
    const { url, refused } = await limited({ connectsPerAddress, now: () => clock.ms })
    const session = await LongPollClient.open(url)
    expect(await tried(url, '&reject=1')).to.deep.equal([200, { status: 403 }])
    expect(await tried(url, '&vsn=9')).to.deep.equal([200, { status: 403 }])
    expect(await tried(url, '&token=nobodys')).to.have.nested.property('1.status', 410)
    expect(await openUpgrade(url + UPGRADE)).to.include({ status: 101 })
    expect(await tried(url)).to.deep.equal(NO_ROOM)
    expect(refused.all.at(-1)).to.deep.equal({ transport: 'longpoll', reason: 'address_connects' })
    expect(await openUpgrade(url + UPGRADE)).to.include({ status: 429 })
    await session.join('room:a')
    clock.ms = 100
    await LongPollClient.open(url)
  })

  it('counts what another page tries as well, by whatever transport and with whatever token', async () => {
    const connectsPerAddress = { perSecond: 1, burst: 4 }
    const checkOrigin = ['//good.example']
    const { url, refused } = await limited(
      { connectsPerAddress, now: () => 0 },
      { longpoll: { ...LONG.longpoll, checkOrigin }, websocket: { checkOrigin } },
    )
    const { token } = await LongPollClient.open(url)
    const origin = 'https://evil.example'
    const get = (query = '') => ask(url + START + query, { headers: { origin } })
    const upgrade = () => openUpgrade(url + UPGRADE, { origin })
    for (const query of ['', `&token=${token}`]) {
      expect(await get(query)).to.include({ status: 200, body: '{"status":403}' })
    }
    expect(await upgrade()).to.include({ status: 403 })
    for (const query of ['', `&token=${token}`]) {
      expect(await get(query)).to.include({ status: 503, body: '{"status":500}' })
    }
    expect(await upgrade()).to.include({ status: 429 })
    const transports = ['longpoll', 'longpoll', 'websocket']
    expect(refused.all).to.deep.equal([
      ...transports.map((transport) => ({ transport, reason: 'origin' })),
      ...transports.map((transport) => ({ transport, reason: 'address_connects' })),
    ])
    // Its own polls go on.
    await new LongPollClient([url], token).join('room:a')
  })

  it('holds nothing that is per address against an exempt one', async () => {
    const isExempt = (address: string) => address === '127.0.0.1'
    const connectsPerAddress = { perSecond: 1, burst: 1 }
    const limits = { maxConnectionsPerAddress: 1, connectsPerAddress, isExempt, now: () => 0 }
    const { url, endpoint } = await limited(limits)
    for (let n = 0; n < 3; n += 1) {
      await LongPollClient.open(url)
      await connectWire(url)
    }
    expect(endpoint.size).to.include({ connections: 6 })
  })

  it('counts a session on its own node, whichever its requests come to', async () => {
    const pubsub = createLocalPubSub()
    const connectsPerAddress = { perSecond: 1, burst: 2 }
    const limits = { maxConnectionsPerAddress: 1, connectsPerAddress, now: () => 0 }
    const [home, other] = [await limited(limits, { pubsub }), await limited(limits, { pubsub })]
    const session = await LongPollClient.open([home.url, other.url])
    await session.join('room:a')
    for (let n = 0; n < 6; n += 1) await session.fence()
    await LongPollClient.open(other.url)
    for (const { url, refused } of [home, other]) {
      expect(await tried(url)).to.deep.equal(NO_ROOM)
      const reason = 'address_connections'
      expect(refused.all).to.deep.equal([{ transport: 'longpoll', reason }])
    }
  })

  it('gives no room to whoever the app refuses, or who has gone by the time that it is let in', async () => {
    const asked = log<string>()
    const later = gate()
    const { url, endpoint } = await limited(
      { maxConnections: 1 },
      {
        async connect({ id = '', reject }) {
          asked.push(id)
          if (id === 'gone') await later.opened
          return reject ? refuse() : accept({}, id)
        },
      },
    )
    for (let n = 0; n < 2; n += 1) {
      expect(await tried(url, '&reject=1')).to.deep.equal([200, { status: 403 }])
    }
    const abort = new AbortController()
    const going = ask(`${url}${START}&id=gone`, { signal: abort.signal }).catch(() => 'gone')
    await asked.next((id) => id === 'gone')
    abort.abort()
    expect(await going).to.equal('gone')
    // The server has noticed by the time that it answers a later request.
    expect(await ask(`${url}/nothing`)).to.include({ status: 404 })
    later.open()
    await LongPollClient.open(url)
    expect(endpoint.size).to.include({ connections: 1 })
  })

  it('ten thousand idle sessions of one client leave the server as it was', async function () {
    this.timeout(60_000)
    const { url, endpoint } = await limited(
      { maxConnectionsPerAddress: 1_000 },
      { longpoll: { windowMs: 60_000 } },
    )
    const answers = new Map<unknown, number>()
    const open = async (count: number) => {
      for (let each = 0; each < count; each += 1) {
        const { status } = (await (await fetch(url + START)).json()) as Said
        answers.set(status, (answers.get(status) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 10 }, () => open(1_000)))
    expect([...answers]).to.have.deep.members([
      [410, 1_000],
      [500, 9_000],
    ])
    expect(endpoint.size.connections).to.equal(1_000)
  })
})
