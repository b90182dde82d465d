import { isDeepStrictEqual } from 'node:util'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { createLocalPresence } from '../../../server/presence/local.ts'
import type { Presence } from '../../../server/presence/presence.ts'
import { createLocalPubSub } from '../../../server/pubsub/local.ts'
import { diffsOf } from '../../contract/presence-setup.ts'
import { collect, joinRefused, openSocket, pushOk } from '../../support/phoenix-client.ts'
import { presenceRoom } from '../../support/presence-room.ts'
import { cleanUp, room, serve } from '../channels/harness.ts'
import { changes, enter, refsIn } from './people.ts'

const LOBBY = 'room:lobby'

describe('presence, seen by the official client', () => {
  let url: string
  let presence: Presence

  beforeEach(async () => {
    const pubsub = createLocalPubSub()
    presence = createLocalPresence(pubsub)
    const server = await serve(presenceRoom(presence), { pubsub })
    url = server.url
  })
  afterEach(cleanUp)

  const here = (): readonly string[] => Object.keys(presence.list(LOBBY)).sort()

  it('has everybody, and tells who comes and who goes', async () => {
    const ann = await enter(url, { name: 'ann' })
    await ann.sees('ann')
    const bob = await enter(url, { name: 'bob' })
    await ann.sees('ann', 'bob')
    await bob.sees('ann', 'bob')
    bob.channel.leave()
    await ann.sees('ann')
    const bobs = changes(ann).filter(({ key }) => key === 'bob')
    expect(bobs.map(({ what, isKnown }) => [what, isKnown])).to.deep.equal([
      ['join', false],
      ['leave', false],
    ])
  })

  it('has one user with two metas for two sockets, until the last has gone (C5.3)', async () => {
    const ann = await enter(url, { name: 'ann' })
    const one = await enter(url, { name: 'bob' })
    const two = await enter(url, { name: 'bob' })
    await ann.seen.next(({ what, key, isKnown }) => what === 'join' && key === 'bob' && isKnown)
    one.channel.leave()
    const first = await ann.seen.next(({ what }) => what === 'leave')
    expect(first).to.include({ key: 'bob', isKnown: true })
    two.channel.leave()
    const last = await ann.seen.next(({ what }) => what === 'leave')
    expect(last).to.include({ key: 'bob', isKnown: false })
  })

  for (const end of ['leave', 'stop', 'crash', 'lost connection', 'second join'] as const) {
    it(`removes who ends by a ${end} (C5.11)`, async () => {
      const ann = await enter(url, { name: 'ann' })
      const bob = await enter(url, { name: 'bob' })
      await ann.sees('ann', 'bob')
      const again = bob.socket.channel(LOBBY, { name: 'bobby' })
      const ways = {
        leave: () => bob.channel.leave(),
        stop: () => bob.channel.push('stop', {}),
        crash: () => bob.channel.push('crash', {}),
        'lost connection': () => bob.socket.disconnect(),
        'second join': () => again.join(),
      }
      ways[end]()
      const { key, isKnown } = await ann.seen.next(({ what }) => what === 'leave')
      expect({ key, isKnown }).to.deep.equal({ key: 'bob', isKnown: false })
      if (end === 'second join') await ann.sees('ann', 'bobby')
      else expect(here()).to.deep.equal(['ann'])
    })
  }

  it('never sees who was tracked by a join that is refused', async () => {
    const ann = await enter(url, { name: 'ann' })
    const socket = await openSocket(`${url}/socket`)
    await joinRefused(socket.channel(LOBBY, { name: 'bob', refuse: true }))
    expect(here()).to.deep.equal(['ann'])
    await enter(url, { name: 'cid' })
    await ann.sees('ann', 'cid')
    expect(changes(ann).some(({ key }) => key === 'bob')).to.equal(false)
  })

  it('forgets who was tracked by a join whose connection ends before it does', async () => {
    const pubsub = createLocalPubSub()
    const own = createLocalPresence(pubsub)
    const forever = room({
      join(socket) {
        own.track(socket, 'bob', {})
        return new Promise(() => {})
      },
    })
    const server = await serve(forever, { pubsub })
    const diffs = diffsOf({ presence: own, pubsub }, LOBBY)
    const socket = await openSocket(`${server.url}/socket`)
    socket.channel(LOBBY, {}).join()
    expect((await diffs.next()).joins).to.have.all.keys('bob')
    socket.disconnect()
    expect((await diffs.next()).leaves).to.have.all.keys('bob')
    expect({ ...own.list(LOBBY) }).to.deep.equal({})
  })

  it('gets presence_state only when the channel sends it (C5.2)', async () => {
    const late = await enter(url, { name: 'late', late: true })
    const states = collect(late.channel, 'presence_state')
    await enter(url, { name: 'ann' })
    expect(await pushOk(late.channel, 'list')).to.have.all.keys('ann', 'late')
    expect(states.all).to.deep.equal([])
    late.channel.push('state', {})
    expect(await states.next()).to.have.all.keys('ann', 'late')
  })

  it('applies the diffs that come before the state after it (C5.26)', async () => {
    const late = await enter(url, { name: 'late', late: true })
    const diffs = collect(late.channel, 'presence_diff')
    const ann = await enter(url, { name: 'ann' })
    const bob = await enter(url, { name: 'bob' })
    bob.channel.leave()
    await diffs.next((diff) => 'bob' in (diff as { leaves: object }).leaves)
    expect(late.keys()).to.deep.equal([])
    late.channel.push('state', {})
    await late.sees('ann', 'late')
    ann.channel.leave()
    await late.sees('late')
  })

  it('after a reconnect tells only what really changed (C5.27)', async () => {
    const ann = await enter(url, { name: 'ann' })
    const bob = await enter(url, { name: 'bob' })
    const cid = await enter(url, { name: 'cid' })
    await ann.sees('ann', 'bob', 'cid')
    const before = changes(ann).length

    const states = collect(ann.channel, 'presence_state')
    const gone = collect(cid.channel, 'presence_diff')
    ann.socket.disconnect()
    await gone.next((diff) => 'ann' in (diff as { leaves: object }).leaves)
    bob.channel.leave()
    await gone.next((diff) => 'bob' in (diff as { leaves: object }).leaves)
    await enter(url, { name: 'dan' })
    ann.socket.connect()
    await states.next()
    await ann.sees('ann', 'cid', 'dan')
    const keys = changes(ann)
      .slice(before)
      .map(({ what, key }) => `${key}: ${what}`)
    expect(keys).to.include.members(['bob: leave', 'dan: join'])
    expect(keys).not.to.include.members(['cid: leave'])
    expect(keys).not.to.include.members(['cid: join'])
  })

  it('takes keys such as __proto__ from end to end (C5.28)', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const ann = await enter(url, { name: 'ann' })
    for (const name of names) await enter(url, { name })
    await ann.sees('ann', ...names)
    const late = await enter(url, { name: 'late' })
    await late.sees('ann', 'late', ...names)
    for (const name of names) expect(changes(ann).some(({ key }) => key === name)).to.equal(true)
  })

  it('who comes late ends with the server’s list, whatever happens meanwhile (C5.31)', async () => {
    const ann = await enter(url, { name: 'ann' })
    const others = Array.from({ length: 20 }, async (_, at) => {
      const other = await enter(url, { name: `u${at % 7}` })
      if (at % 2 === 0) other.channel.push('update', { at })
      if (at % 3 === 0) other.channel.leave()
      return other
    })
    const late = await enter(url, { name: 'late' })
    await Promise.all(others)
    await enter(url, { name: 'last' })
    for (const { refs, until } of [ann, late]) {
      await until(() => isDeepStrictEqual(refs(), refsIn(presence.list(LOBBY))))
      expect(refs().length).to.be.greaterThan(3)
    }
  })

  it('hears of another pub/sub topic under the topic it joined', async () => {
    const ann = await enter(url, { name: 'ann', on: 'tenant/1' })
    const bob = await enter(url, { name: 'bob', on: 'tenant/1' })
    const eve = await enter(url, { name: 'eve', on: 'tenant/2' })
    await ann.sees('ann', 'bob')
    await eve.sees('eve')
    bob.socket.disconnect()
    await ann.sees('ann')
    expect(here()).to.deep.equal([])
    expect(changes(eve).map(({ key }) => key)).to.not.include.members(['ann', 'bob'])
  })

  it('sees what a channel makes of a diff that it intercepts (C5.18)', async () => {
    const pubsub = createLocalPubSub()
    const own = createLocalPresence(pubsub)
    const server = await serve(
      room({
        on: { track: (socket) => void own.track(socket, 'ann', {}) },
        intercept: {
          presence_diff: (socket, { joins }) =>
            socket.push('presence_diff', { joins: { ...(joins as object), seen: {} }, leaves: {} }),
        },
      }),
      { pubsub },
    )
    const socket = await openSocket(`${server.url}/socket`)
    const channel = socket.channel(LOBBY, {})
    const diffs = collect(channel, 'presence_diff')
    channel.join()
    channel.push('track', {})
    const { joins } = (await diffs.next()) as { joins: object }
    expect(joins).to.have.all.keys('ann', 'seen')
  })
})
