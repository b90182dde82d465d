import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { ok, type SocketRef } from '../../../server/index.ts'
import {
  ask,
  cleanUp,
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
  serve,
} from './harness.ts'

describe('channels: kept reference', () => {
  afterEach(cleanUp)

  describe('a kept reference', () => {
    const refs = log<SocketRef>()
    const channel = room({
      on: {
        keep(socket) {
          refs.push(socket.socketRef())
        },
        done: () => ok(),
      },
    })

    it('answers later, with the ref and join_ref of its message (C3.51)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'keep', ref: '2', joinRef: '1' })
      const kept = await refs.next()
      await ask(client, 'room:a', 'done')
      kept.reply('ok', { late: true })
      const late = replied('1', '2', 'room:a', 'ok', { late: true })
      expect(parts(await client.next())).to.deep.equal(late)
    })

    it('answers as often as it is asked to (C3.53)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'keep', ref: '2' })
      const kept = await refs.next()
      for (const n of [1, 2]) kept.reply('progress', { n })
      expect(await nextParts(client, 2)).to.deep.equal([
        replied('1', '2', 'room:a', 'progress', { n: 1 }),
        replied('1', '2', 'room:a', 'progress', { n: 2 }),
      ])
    })

    it('answers after its channel is gone, with the old join_ref (C3.54)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'keep', ref: '2' })
      const kept = await refs.next()
      await ask(client, 'room:a', 'phx_leave')
      await client.next(isEvent('phx_close'))
      await join(client, 'room:a', '3')
      kept.reply('ok', {})
      expect(parts(await client.next())).to.deep.equal(replied('1', '2', 'room:a', 'ok'))
    })

    it('answers nobody once the connection is gone (C3.54)', async () => {
      const { url, endpoint } = await serve(channel)
      const disconnected = recorded(endpoint.telemetry.disconnected)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'keep', ref: '2' })
      const kept = await refs.next()
      client.terminate()
      await disconnected.next()
      expect(() => kept.reply('ok', {})).to.not.throw()
    })

    it('cannot be had of a message without ref (C3.52)', async () => {
      const { url } = await serve(channel)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'keep', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
    })
  })

  describe('work that outlives its handler', () => {
    it('crashes the channel with what it rejects with', async () => {
      const failing = room({
        on: { work: (socket) => socket.waitUntil(Promise.reject(new Error('too late'))) },
      })
      const { url, endpoint } = await serve(failing)
      const crashes = recorded(endpoint.telemetry.crashed)
      const client = await member(url)
      client.push({ topic: 'room:a', event: 'work', joinRef: '1' })
      expect(parts(await client.next())).to.deep.equal(crashOf('1', 'room:a'))
      expect(String((await crashes.next()).error)).to.equal('Error: too late')
    })
  })
})
