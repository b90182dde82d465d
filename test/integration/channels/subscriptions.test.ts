import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { Broadcast, ok } from '../../../server/index.ts'
import { connectWire } from '../../support/wire-client.ts'
import {
  ask,
  cleanUp,
  isEvent,
  join,
  log,
  member,
  nextParts,
  parts,
  recorded,
  room,
  type Script,
  serve,
} from './harness.ts'

describe('channels: subscriptions', () => {
  afterEach(cleanUp)

  /** A channel that its client tells what to subscribe to. */
  const subscribing = (script: Script = {}) =>
    room({
      ...script,
      on: {
        async follow(socket, { topic, as }) {
          await socket.subscribe(String(topic), { as: String(as) })
          return ok()
        },
        async listen(socket, { topic }) {
          await socket.subscribe(String(topic))
          return ok()
        },
        drop(socket, { topic }) {
          socket.unsubscribe(String(topic))
          return ok()
        },
        tell_others: (socket, payload) => socket.broadcastFrom('news', payload),
        done: () => ok(),
        ...script.on,
      },
    })

  const news = (topic: string) => [null, null, topic, 'news', { n: 1 }]

  describe('a channel that subscribes to another topic under a name', () => {
    it('has its broadcasts go to the client under that name', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await member(url)
      await ask(client, 'room:a', 'follow', { topic: 'feed', as: 'room:a' })
      endpoint.broadcast('feed', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
      endpoint.broadcast('room:a', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
      expect(endpoint.size).to.include({ topics: 2, lanes: 2 })
    })

    it('gets them once, however often it subscribes', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await member(url)
      for (const as of ['room:a', 'room:a', 'room:b']) {
        await ask(client, 'room:a', 'follow', { topic: 'feed', as })
      }
      endpoint.broadcast('feed', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
      expect(await client.fence()).to.deep.equal([])
      await ask(client, 'room:a', 'drop', { topic: 'feed' })
      endpoint.broadcast('feed', 'news', { n: 1 })
      expect(await client.fence()).to.deep.equal([])
      expect(endpoint.size).to.include({ topics: 1, lanes: 1 })
    })

    it('does not hear itself twice for following its own topic', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await member(url)
      await ask(client, 'room:a', 'follow', { topic: 'room:a', as: 'room:a' })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
      expect(await client.fence()).to.deep.equal([])
    })

    it('can leave its own topic and come back', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await member(url)
      await ask(client, 'room:a', 'drop', { topic: 'room:a' })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      expect(await client.fence()).to.deep.equal([])
      await ask(client, 'room:a', 'follow', { topic: 'room:a', as: 'room:a' })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
    })

    it('intercepts there what it intercepts of its own', async () => {
      const channel = subscribing({
        intercept: { news: (socket, payload) => socket.push('intercepted', payload) },
      })
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      await ask(client, 'room:a', 'follow', { topic: 'feed', as: 'room:a' })
      endpoint.broadcast('feed', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal([
        '1',
        null,
        'room:a',
        'intercepted',
        { n: 1 },
      ])
    })

    it('gives all of it up when it ends', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await member(url)
      await ask(client, 'room:a', 'follow', { topic: 'feed', as: 'room:a' })
      await ask(client, 'room:a', 'listen', { topic: 'log' })
      await ask(client, 'room:a', 'phx_leave')
      await client.next(isEvent('phx_close'))
      endpoint.broadcast('feed', 'news', {})
      endpoint.broadcast('log', 'news', {})
      expect(await client.fence()).to.deep.equal([])
      expect(endpoint.size).to.deep.equal({ connections: 1, channels: 0, topics: 0, lanes: 0 })
    })

    it('may unsubscribe from what it never had', async () => {
      const { url } = await serve(subscribing())
      const client = await member(url)
      const { payload } = await ask(client, 'room:a', 'drop', { topic: 'never' })
      expect(payload).to.deep.equal({ status: 'ok', response: {} })
    })
  })

  describe('two channels of one connection', () => {
    it('that follow one topic under one name get it once, until both are gone', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await connectWire(url)
      for (const [joinRef, topic] of [
        ['1', 'room:a'],
        ['2', 'room:b'],
        ['3', 'room:c'],
      ] as const) {
        await join(client, topic, joinRef)
        await ask(client, topic, 'follow', { topic: 'feed', as: 'feed' })
      }
      for (const topic of ['room:a', 'room:b', 'room:c']) {
        endpoint.broadcast('feed', 'news', { n: 1 })
        expect(parts(await client.next())).to.deep.equal(news('feed'))
        expect(await client.fence()).to.deep.equal([])
        await ask(client, topic, 'phx_leave')
        await client.next(isEvent('phx_close'))
      }
      endpoint.broadcast('feed', 'news', { n: 1 })
      expect(await client.fence()).to.deep.equal([])
      expect(endpoint.size).to.include({ topics: 0, lanes: 0 })
    })

    it('may follow one topic under two names', async () => {
      const { url, endpoint } = await serve(subscribing())
      const client = await connectWire(url)
      for (const [joinRef, topic] of [
        ['1', 'room:a'],
        ['2', 'room:b'],
      ] as const) {
        await join(client, topic, joinRef)
        await ask(client, topic, 'follow', { topic: 'feed', as: topic })
      }
      endpoint.broadcast('feed', 'news', { n: 1 })
      const frames = await nextParts(client, 2)
      expect(frames).to.have.deep.members([news('room:a'), news('room:b')])
    })
  })

  describe('a channel that subscribes to another topic without a name', () => {
    it('gets its broadcasts in handleInfo; nothing goes to the client (C3.70)', async () => {
      const infos = log<unknown>()
      const { url, endpoint } = await serve(
        subscribing({ info: (_socket, message) => void infos.push(message) }),
      )
      const client = await member(url)
      for (const _again of [1, 2]) await ask(client, 'room:a', 'listen', { topic: 'log' })
      endpoint.broadcast('log', 'news', { n: 1 })
      const broadcast = (await infos.next()) as Broadcast
      expect(broadcast).to.be.instanceOf(Broadcast)
      expect(broadcast).to.include({ topic: 'log', event: 'news' })
      expect(broadcast.copyPayload()).to.deep.equal({ n: 1 })
      await ask(client, 'room:a', 'drop', { topic: 'log' })
      endpoint.broadcast('log', 'news', { n: 2 })
      expect(await client.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
      expect(infos.all).to.have.length(1)
    })

    it('without handleInfo is warned of them, and lives on (C3.71)', async () => {
      const { url, endpoint } = await serve(subscribing())
      const warnings = recorded(endpoint.telemetry.warned)
      const client = await member(url)
      await ask(client, 'room:a', 'listen', { topic: 'log' })
      endpoint.broadcast('log', 'news', { n: 1 })
      expect(await warnings.next()).to.have.property('topic', 'room:a')
      expect(await client.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
    })

    it('sees its own topic twice, once as its client does (C3.72)', async () => {
      const { url, endpoint } = await serve(
        subscribing({ info: (socket) => socket.push('informed', {}) }),
      )
      const client = await member(url)
      await ask(client, 'room:a', 'listen', { topic: 'room:a' })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      expect(await nextParts(client, 2)).to.have.deep.members([
        news('room:a'),
        ['1', null, 'room:a', 'informed', {}],
      ])
    })

    it('does not hear what it broadcasts to all but itself', async () => {
      const { url } = await serve(subscribing({ info: (socket) => socket.push('informed', {}) }))
      const [client, other] = await Promise.all([member(url), member(url)])
      for (const each of [client, other]) await ask(each, 'room:a', 'listen', { topic: 'room:a' })
      client.push({ topic: 'room:a', event: 'tell_others', payload: { n: 1 } })
      expect(await nextParts(other, 2)).to.have.deep.members([
        news('room:a'),
        ['1', null, 'room:a', 'informed', {}],
      ])
      expect(await client.fence({ topic: 'room:a', event: 'done' })).to.deep.equal([])
    })
  })

  describe('a channel with autoSubscribe: false', () => {
    it('hears nothing of its topic, but can send and be pushed to', async () => {
      const channel = subscribing({
        autoSubscribe: false,
        on: {
          shout: (socket, payload) => socket.broadcast('news', payload),
          push_me: (socket, payload) => socket.push('pushed', payload),
        },
      })
      const { url, endpoint } = await serve(channel)
      const client = await member(url)
      expect(endpoint.size).to.include({ channels: 1, topics: 0, lanes: 0 })
      endpoint.broadcast('room:a', 'news', { n: 1 })
      client.push({ topic: 'room:a', event: 'shout', payload: { n: 1 } })
      client.push({ topic: 'room:a', event: 'push_me', payload: { n: 2 } })
      expect(parts(await client.next())).to.deep.equal(['1', null, 'room:a', 'pushed', { n: 2 }])
      expect(await client.fence()).to.deep.equal([])
    })

    it('hears of a topic from when it subscribes to when it unsubscribes', async () => {
      const { url, endpoint } = await serve(subscribing({ autoSubscribe: false }))
      const client = await member(url)
      await ask(client, 'room:a', 'follow', { topic: 'tenant/a', as: 'room:a' })
      endpoint.broadcast('tenant/a', 'news', { n: 1 })
      expect(parts(await client.next())).to.deep.equal(news('room:a'))
      await ask(client, 'room:a', 'drop', { topic: 'tenant/a' })
      endpoint.broadcast('tenant/a', 'news', { n: 1 })
      expect(await client.fence()).to.deep.equal([])
      expect(endpoint.size).to.include({ channels: 1, topics: 0, lanes: 0 })
    })
  })
})
