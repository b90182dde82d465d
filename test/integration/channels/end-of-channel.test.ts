import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { TerminateReason } from '../../../server/channel/result.ts'
import { defineChannel, error, ok, Stop, stop } from '../../../server/index.ts'
import {
  ask,
  cleanUp,
  closeOf,
  crashOf,
  isEvent,
  join,
  log,
  member,
  nextParts,
  parts,
  recorded,
  replied,
  room,
  type Script,
  serve,
} from './harness.ts'

describe('channels: end of channel', () => {
  afterEach(cleanUp)

  /** A channel that ends in every way, and reports how. */
  function ending(script: Script = {}) {
    const ends = log<TerminateReason>()
    const channel = room({
      on: {
        crash() {
          throw new Error('handler')
        },
        crash_later: () => Promise.reject(new Error('handler')),
        garbage: () => ({ status: 'ok' }),
        stop: (_socket, { reason }) => stop(reason as string),
        stop_ok: (_socket, { reason }) => stop(reason as string, ok({ bye: true })),
        stop_error: async (_socket, { reason }) => stop(reason as string, error('bye')),
        info(socket, payload) {
          socket.sendInfo(payload)
        },
        done: () => ok(),
      },
      info(_socket, message) {
        const { how } = message as { how: string }
        if (how === 'throws') throw new Error('info')
        return how === 'answers' ? ok() : stop(how)
      },
      terminate(reason, socket) {
        ends.push(reason)
        socket.push('bye', { type: reason.type })
      },
      ...script,
    })
    return { channel, ends }
  }

  const bye = (type: string) => ['1', null, 'room:a', 'bye', { type }]

  describe('a crash', () => {
    for (const event of ['crash', 'crash_later', 'garbage', 'no such event']) {
      it(`in "${event}" is told with the join_ref, after what terminate pushed (C3.57, C3.59)`, async () => {
        const { channel, ends } = ending()
        const { url, endpoint } = await serve(channel)
        const crashes = recorded(endpoint.telemetry.crashed)
        const client = await member(url)
        await join(client, 'room:b', '2')
        client.push({ topic: 'room:a', event, ref: '3' })
        expect(await nextParts(client, 2)).to.deep.equal([bye('crashed'), crashOf('1', 'room:a')])
        const { topic, error: reported } = await crashes.next()
        expect(topic).to.equal('room:a')
        expect(ends.all).to.deep.equal([{ type: 'crashed', error: reported }])
        const sibling = await ask(client, 'room:b', 'done', {}, '2')
        expect(sibling.payload, 'the sibling').to.have.property('status', 'ok')
        expect(endpoint.size).to.include({ connections: 1, channels: 1, topics: 1 })
      })
    }

    it('is what an undeclared event is without catchAll (C3.58)', async () => {
      const { url } = await serve(defineChannel('room:*', { join: () => ok() }))
      const client = await member(url)
      for (const event of ['nope', 'toString', '__proto__', 'constructor', 'join', 'phx_reply']) {
        client.push({ topic: 'room:a', event, joinRef: '1' })
        expect(parts(await client.next()), event).to.deep.equal(crashOf('1', 'room:a'))
        await join(client, 'room:a')
      }
    })

    it('comes of a handleInfo that throws or answers too (C3.63)', async () => {
      const { channel } = ending()
      const { url } = await serve(channel)
      for (const how of ['throws', 'answers']) {
        const client = await member(url)
        client.push({ topic: 'room:a', event: 'info', payload: { how } })
        expect(await nextParts(client, 2)).to.deep.equal([bye('crashed'), crashOf('1', 'room:a')])
      }
    })

    it('frees the topic at once (C3.64, C3.65)', async () => {
      const { channel } = ending()
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'crash', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'done', ref: '2', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_join', ref: '3', joinRef: '3' })
      client.push({ topic: 'room:a', event: 'done', ref: '4', joinRef: '3' })
      expect(await nextParts(client, 5)).to.deep.equal([
        bye('crashed'),
        crashOf('1', 'room:a'),
        replied(null, '2', 'room:a', 'error', { reason: 'unmatched topic' }),
        replied('3', '3', 'room:a', 'ok'),
        replied('3', '4', 'room:a', 'ok'),
      ])
    })

    it('forgets the messages that waited', async () => {
      const { channel } = ending()
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'crash_later', ref: '2' })
      for (const ref of ['3', '4']) client.push({ topic: 'room:a', event: 'done', ref })
      await client.next(isEvent('phx_error'))
      const later = await client.fence()
      expect(later.filter(isEvent('phx_reply')).map(({ payload }) => payload)).to.not.deep.include({
        status: 'ok',
        response: {},
      })
    })

    it('in terminate is told to nobody but the log', async () => {
      const reasons = ['throws', 'rejects']
      const { channel } = ending({
        terminate() {
          if (reasons.shift() === 'throws') throw new Error('terminate')
          return Promise.reject(new Error('terminate'))
        },
      })
      const { url, endpoint } = await serve(channel)
      const crashes = recorded(endpoint.telemetry.crashed)
      for (const _reason of ['throws', 'rejects']) {
        const client = await member(url)
        client.push({ topic: 'room:a', event: 'phx_leave', ref: '2' })
        expect(await nextParts(client, 2)).to.deep.equal([
          replied('1', '2', 'room:a', 'ok'),
          closeOf('1', 'room:a'),
        ])
        expect((await crashes.next()).error).to.have.property('message', 'terminate')
        expect(await client.fence()).to.deep.equal([])
      }
    })

    it('after the end is told to the log as well', async () => {
      const { channel } = ending()
      const { url, endpoint } = await serve(channel)
      const crashes = recorded(endpoint.telemetry.crashed)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'crash_later', joinRef: '1' })
      client.push({ topic: 'room:a', event: 'phx_join', ref: '2', joinRef: '2' })
      expect((await crashes.next()).error).to.have.property('message', 'handler')
    })
  })

  describe('a stop', () => {
    for (const reason of ['normal', 'shutdown']) {
      it(`as ${reason} closes, then terminate pushes (C3.60)`, async () => {
        const { channel, ends } = ending()
        const { url, endpoint } = await serve(channel)
        const client = await member(url)
        client.push({ topic: 'room:a', event: 'stop', payload: { reason }, ref: '2' })
        expect(await nextParts(client, 2)).to.deep.equal([closeOf('1', 'room:a'), bye('stopped')])
        expect(ends.all).to.deep.equal([{ type: 'stopped', reason }])
        expect(endpoint.size).to.include({ channels: 0, topics: 0, lanes: 0 })
      })
    }

    it('for another reason is an error, after what terminate pushed (C3.61)', async () => {
      const { channel, ends } = ending()
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'stop', payload: { reason: 'boom' }, ref: '2' })
      expect(await nextParts(client, 2)).to.deep.equal([bye('stopped'), crashOf('1', 'room:a')])
      expect(ends.all).to.deep.equal([{ type: 'stopped', reason: 'boom' }])
    })

    it('with a reply answers first (C3.62)', async () => {
      const { channel } = ending()
      const { url } = await serve(channel)
      const normal = await member(url)
      normal.push({ topic: 'room:a', event: 'stop_ok', payload: { reason: 'normal' }, ref: '2' })
      expect(await nextParts(normal, 3)).to.deep.equal([
        replied('1', '2', 'room:a', 'ok', { bye: true }),
        closeOf('1', 'room:a'),
        bye('stopped'),
      ])
      const boom = await member(url)
      boom.push({ topic: 'room:a', event: 'stop_error', payload: { reason: 'boom' }, ref: '2' })
      expect(await nextParts(boom, 3)).to.deep.equal([
        replied('1', '2', 'room:a', 'error', { reason: 'bye' }),
        bye('stopped'),
        crashOf('1', 'room:a'),
      ])
    })

    it('may come from handleInfo, where there is nothing to answer', async () => {
      const { channel } = ending()
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'info', payload: { how: 'normal' } })
      expect(await nextParts(client, 2)).to.deep.equal([closeOf('1', 'room:a'), bye('stopped')])
    })

    it('is an object that the author can tell', () => {
      expect(stop()).to.be.instanceOf(Stop)
      expect(
        [stop(), stop('shutdown'), stop('boom')].map(({ graceful }) => graceful),
      ).to.deep.equal([true, true, false])
    })
  })
})
