import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  Admission,
  type Client,
  type ConnectLimits,
  CROWDED,
} from '../../../server/transport/admission.ts'

const by = (address: string | undefined, transport: Client['transport'] = 'websocket'): Client => ({
  transport,
  address,
})
const A = by('192.0.2.1')
const B = by('192.0.2.2')
const EXEMPT = by(undefined)

/** An endpoint's admission, its connections, and the clock. */
function scene(limits: ConnectLimits) {
  const state = { size: 0, now: 0 }
  const admission = new Admission({ ...limits, now: () => state.now }, state)
  const enter = (client: Client, id: string | null = null) => {
    state.size += 1
    admission.entered(client, id)
  }
  const leave = (client: Client, id: string | null = null) => {
    state.size -= 1
    admission.left(client, id)
  }
  return { state, admission, enter, leave }
}

describe('the admission of connections', () => {
  it('lets everybody in where nothing is limited', () => {
    const { admission, enter } = scene({})
    for (let n = 0; n < 1_000; n += 1) enter(A, 'user:1')
    expect(admission.screen(A)).to.equal(undefined)
    expect(admission.review(A, 'user:1')).to.equal(undefined)
  })

  it('refuses with 503 what would be too many in all, exempt or not', () => {
    const { admission, enter, leave } = scene({ maxConnections: 2 })
    enter(A)
    enter(EXEMPT)
    for (const client of [A, B, EXEMPT, by('192.0.2.1', 'longpoll')]) {
      const refused = { kind: 'refuse', reason: 'node_connections', ...CROWDED.node_connections }
      expect(admission.screen(client)).to.deep.equal(refused)
      expect(admission.review(client, null)).to.include({ status: 503 })
    }
    leave(A)
    expect(admission.screen(A)).to.equal(undefined)
  })

  it('refuses with 429 what would be too many of an address, and of no other', () => {
    const { admission, enter, leave } = scene({ maxConnectionsPerAddress: 1 })
    enter(A)
    expect(admission.screen(A)).to.include({ status: 429, reason: 'address_connections' })
    expect(admission.review(A, null)).to.include({ status: 429, reason: 'address_connections' })
    expect(admission.screen(B)).to.equal(undefined)
    leave(A)
    expect(admission.screen(A)).to.equal(undefined)
  })

  it('refuses with 503 what would be too many by long-polling, and nothing else', () => {
    const { admission, enter, leave } = scene({ maxLongPollSessions: 1 })
    const [poller, other] = [by('192.0.2.1', 'longpoll'), by(undefined, 'longpoll')]
    for (const client of [A, B, poller]) enter(client)
    expect(admission.screen(other)).to.include({ status: 503, reason: 'sessions' })
    expect(admission.review(other, null)).to.include({ status: 503, reason: 'sessions' })
    expect(admission.screen(A)).to.equal(undefined)
    leave(A)
    expect(admission.screen(other)).to.include({ reason: 'sessions' })
    leave(poller)
    expect(admission.screen(other)).to.equal(undefined)
  })

  it('refuses with 429 what would be too many of an id, and of no other', () => {
    const { admission, enter, leave } = scene({ maxConnectionsPerId: 1 })
    enter(A, 'operator:b/1')
    const refused = { status: 429, reason: 'id_connections' }
    expect(admission.review(B, 'operator:b/1')).to.include(refused)
    for (const id of ['operator:b/2', '__proto__', null, undefined, '']) {
      expect(admission.review(B, id)).to.equal(undefined)
    }
    leave(A, 'operator:b/1')
    expect(admission.review(B, 'operator:b/1')).to.equal(undefined)
  })

  it('refuses with 429 what is tried too often from an address, refused or not', () => {
    const connectsPerAddress = { perSecond: 10, burst: 3 }
    const { admission, state } = scene({ connectsPerAddress, maxConnections: 0 })
    const reasons = [A, A, A, A, B].map((client) => admission.screen(client)?.reason)
    expect(reasons).to.deep.equal([
      'node_connections',
      'node_connections',
      'node_connections',
      'address_connects',
      'node_connections',
    ])
    state.now = 100
    expect(admission.screen(A)?.reason).to.equal('node_connections')
    expect(admission.screen(A)?.reason).to.equal('address_connects')
  })

  it('holds nothing against an exempt address', () => {
    const { admission } = scene({
      maxConnectionsPerAddress: 0,
      connectsPerAddress: { perSecond: 1, burst: 1 },
      isExempt: (address) => address === '192.0.2.1',
    })
    for (const transport of ['websocket', 'longpoll'] as const) {
      const exempt = admission.client(transport, '192.0.2.1')
      expect(exempt).to.deep.equal(by(undefined, transport))
      for (let n = 0; n < 10; n += 1) expect(admission.screen(exempt)).to.equal(undefined)
      const counted = admission.client(transport, '2001:db8:0:1::2')
      expect(counted).to.deep.equal(by('2001:db8:0:1::/64', transport))
    }
  })

  it('keeps nothing of those who have gone', () => {
    const keys = fc.record({
      client: fc.record({
        transport: fc.constantFrom('websocket', 'longpoll'),
        address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8:0:1::/64', undefined),
      }),
      id: fc.constantFrom('user:1', 'user:2', null),
    })
    fc.assert(
      fc.property(fc.array(keys, { maxLength: 50 }), (visits) => {
        const connectsPerAddress = { perSecond: 10, burst: 20 }
        const { admission, enter, leave, state } = scene({ connectsPerAddress })
        for (const { client, id } of visits) {
          admission.screen(client)
          enter(client, id)
        }
        for (const { client, id } of visits) leave(client, id)
        state.now = 60_000
        admission.sweep()
        expect(admission.size).to.equal(0)
      }),
    )
  })
})
