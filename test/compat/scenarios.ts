import { expect } from 'chai'
import { nested } from '../support/agent-client.ts'
import type { Queue } from '../support/queue.ts'
import type { Answer, ClientChannel, Feature, Present } from './client.ts'
import type { Servers } from './servers.ts'
import { joined, next, type Trial } from './trial.ts'

/** What every client has to be able to do: a row of the matrix. */
export interface Scenario {
  readonly name: string
  /** Resolves once it is done, or with what is left to do after `midway`. */
  run(trial: Trial): Promise<(() => Promise<void>) | undefined>
  /** Called once every client has come so far. */
  midway?(servers: Servers): Promise<void>
  /** What a client needs for it, and how one that lacks it is known. */
  readonly needs?: {
    readonly feature: Feature
    isMissing(trial: Trial): Promise<void>
  }
}

const ok = (response: unknown): Answer => ({ status: 'ok', response })

/** A channel works in both directions. */
async function expectToWork(channel: ClientChannel): Promise<void> {
  expect(await channel.push('echo', { still: 'here' })).to.deep.equal(ok({ still: 'here' }))
}

/** The client has come back by itself, and joined again. */
async function expectRejoin(channel: ClientChannel): Promise<void> {
  expect(await next(channel.joins, ({ status }) => status === 'ok')).to.include({ status: 'ok' })
  await expectToWork(channel)
}

const bytes = (...values: number[]): ArrayBuffer => new Uint8Array(values).buffer

function numbers(payload: unknown): readonly number[] {
  expect(payload).to.be.an.instanceof(ArrayBuffer)
  return [...new Uint8Array(payload as ArrayBuffer)]
}

/** Resolves once the same people are present as in `wanted`, after what was seen before. */
async function untilSame(changes: Queue<Present>, wanted: Present): Promise<void> {
  const sorted = (present: Present) => JSON.stringify(Object.entries(present).sort())
  let seen: Present
  do seen = await next(changes)
  while (sorted(seen) !== sorted(wanted))
}

const connection: readonly Scenario[] = [
  {
    name: 'connect, heartbeat',
    async run(trial) {
      const socket = await trial.rooms()
      socket.heartbeat()
      expect(await next(socket.heartbeats)).to.equal('ok')
      socket.heartbeat()
      expect(await next(socket.heartbeats)).to.equal('ok')
      expect(socket.closes.all).to.deep.equal([])
    },
  },
  {
    name: 'join',
    async run(trial) {
      const channel = (await trial.rooms()).join(`room:${trial.id}`, { as: 'guest' })
      const { status, response } = await next(channel.joins)
      expect(status).to.equal('ok')
      expect(response).to.have.property('joined', `room:${trial.id}`)
      expect(response).to.have.nested.property('params.as', 'guest')
    },
  },
  {
    name: 'refused join',
    async run(trial) {
      const socket = await trial.rooms()
      const refusals = [
        { topic: 'room:forbidden', reason: 'forbidden' },
        { topic: `nowhere:${trial.id}`, reason: 'unmatched topic' },
      ]
      for (const { topic, reason } of refusals) {
        const channel = socket.join(topic, {})
        expect(await next(channel.joins)).to.deep.equal({ status: 'error', response: { reason } })
      }
      await expectToWork(await joined(socket, `room:${trial.id}`))
    },
  },
]

const messages: readonly Scenario[] = [
  {
    name: 'push: ok',
    async run(trial) {
      const channel = await trial.room(`room:${trial.id}`)
      const payload = { text: 'ăîșț 🦤', list: [1, null, { deep: true }], empty: {} }
      expect(await channel.push('echo', payload)).to.deep.equal(ok(payload))
    },
  },
  {
    name: 'push: error',
    async run(trial) {
      const channel = await trial.room(`room:${trial.id}`)
      const response = { why: 'because' }
      expect(await channel.push('echo_error', response)).to.deep.equal({
        status: 'error',
        response,
      })
    },
  },
  {
    name: 'push: timeout',
    async run(trial) {
      const channel = await trial.room(`room:${trial.id}`)
      expect(await channel.push('noreply', {}, 50)).to.include({ status: 'timeout' })
      await expectToWork(channel)
    },
  },
  {
    name: 'broadcast to and from every other client',
    async run(trial) {
      const topic = `room:${trial.id}`
      const own = await trial.room(topic)
      const others = await Promise.all(trial.others.map((other) => trial.room(topic, other)))
      const heard = [own, ...others].map((channel) => channel.on('shout'))
      void own.push('shout', { by: trial.client.name }, 1)
      for (const shouts of heard) {
        expect(await next(shouts)).to.deep.equal({ by: trial.client.name })
      }
      for (const [index, other] of others.entries()) void other.push('shout', { index }, 1)
      const [ownHeard = expect.fail()] = heard
      for (const index of others.keys()) {
        await next(ownHeard, (payload) => (payload as { index: unknown }).index === index)
      }
    },
  },
  {
    name: 'binary push, reply and broadcast',
    async run(trial) {
      const channel = await trial.room(`room:${trial.id}`)
      const pushed = channel.on('bin')
      const { status, response } = await channel.push('binary_echo', bytes(0, 127, 128, 255))
      expect(status).to.equal('ok')
      expect(numbers(response)).to.deep.equal([0, 127, 128, 255])
      const refused = await channel.push('binary_error', bytes())
      expect(refused.status).to.equal('error')
      expect(numbers(refused.response)).to.deep.equal([])
      void channel.push('binary_push', {}, 1)
      expect(numbers(await next(pushed))).to.deep.equal([1, 2, 3])
      void channel.push('binary_shout', bytes(4, 5), 1)
      expect(numbers(await next(pushed))).to.deep.equal([4, 5])
    },
    needs: {
      feature: 'binary',
      async isMissing(trial) {
        const channel = await trial.room(`room:${trial.id}`)
        // The bytes do not leave it as bytes: JSON writes an ArrayBuffer as an object without members.
        expect(await channel.push('echo', bytes(1, 2, 3))).to.deep.equal(ok({}))
      },
    },
  },
  {
    name: 'presence',
    async run(trial) {
      const topic = `presence:${trial.id}`
      const enter = async (name: string) => {
        const channel = (await trial.rooms()).join(topic, { name })
        const changes = channel.presence()
        expect(await next(channel.joins)).to.include({ status: 'ok' })
        return { channel, sees: (present: Present) => untilSame(changes, present) }
      }
      const ana = await enter('ana')
      await ana.sees({ ana: ['online'] })
      const bo = await enter('bo')
      await bo.sees({ ana: ['online'], bo: ['online'] })
      await ana.sees({ ana: ['online'], bo: ['online'] })
      await bo.channel.push('update_meta', { status: 'away' })
      await ana.sees({ ana: ['online'], bo: ['away'] })
      await bo.channel.leave()
      await ana.sees({ ana: ['online'] })
    },
  },
  {
    name: 'leave',
    async run(trial) {
      const topic = `room:${trial.id}`
      const socket = await trial.rooms()
      const left = await joined(socket, topic)
      const leftHeard = left.on('shout')
      expect(await left.leave()).to.include({ status: 'ok' })
      await next(left.closes)
      // What the server sent about the channel that was left is here before this.
      await expectToWork(await joined(socket, `${topic}:other`))
      const again = await joined(socket, topic)
      const heard = again.on('shout')
      expect(await again.push('shout_reply', { n: 1 })).to.include({ status: 'ok' })
      expect(heard.all).to.deep.equal([{ n: 1 }])
      expect(leftHeard.all).to.deep.equal([])
    },
  },
]

const longPolling: readonly Scenario[] = [
  {
    name: 'long-polling: join, push, broadcast, leave',
    async run(trial) {
      const topic = `room:${trial.id}`
      const polling = await joined(await trial.polls(), topic)
      const other = await trial.room(topic)
      const heard = polling.on('shout')
      const otherHeard = other.on('shout')
      await expectToWork(polling)
      void other.push('shout', { n: 1 }, 1)
      expect(await next(heard)).to.deep.equal({ n: 1 })
      await next(otherHeard)
      void polling.push('shout', { n: 2 }, 1)
      expect(await next(otherHeard)).to.deep.equal({ n: 2 })
      expect(await polling.leave()).to.include({ status: 'ok' })
    },
    needs: {
      feature: 'longPolling',
      async isMissing(trial) {
        expect(trial.client.longPolls).to.equal(false)
      },
    },
  },
]

const recoveries: readonly Scenario[] = [
  {
    name: 'reconnect after the server closed it',
    async run(trial) {
      const socket = await trial.rooms(trial.client, { user_id: trial.id })
      const first = await joined(socket, `room:${trial.id}`)
      const second = await joined(socket, `room:${trial.id}:second`)
      void first.push('disconnect_all', {}, 1)
      expect(await next(socket.closes)).to.equal(1001)
      await next(socket.opens)
      await expectRejoin(first)
      await expectRejoin(second)
    },
  },
  {
    name: 'rejoin after a crash',
    async run(trial) {
      const socket = await trial.rooms()
      const channel = await joined(socket, `room:${trial.id}`)
      const other = await joined(socket, `room:${trial.id}:other`)
      void channel.push('raise', {}, 1)
      await next(channel.errors)
      await expectRejoin(channel)
      await expectToWork(other)
      expect(other.errors.all).to.deep.equal([])
      expect(socket.closes.all).to.deep.equal([])
    },
  },
  {
    name: 'reconnect after the server was killed and started again',
    midway: (servers) => servers.restartRooms(),
    async run(trial) {
      const socket = await trial.rooms()
      const channel = await joined(socket, `room:${trial.id}`)
      const heard = channel.on('shout')
      return async () => {
        await next(socket.opens)
        await expectRejoin(channel)
        expect(await channel.push('shout_reply', { n: 1 })).to.include({ status: 'ok' })
        expect(heard.all).to.deep.equal([{ n: 1 }])
      }
    },
  },
]

const agent: readonly Scenario[] = [
  {
    name: '`agent:*`: authenticate, modify a query',
    async run(trial) {
      const who = {
        businessId: trial.id,
        sessionId: 'session123',
        operatorId: 'operator456',
        permissions: ['agent_access', 'data_query'],
      }
      const { businessId, sessionId, operatorId, permissions } = who
      const channel = await joined(await trial.agents(), `agent:${sessionId}`, { businessId })
      const authenticated = channel.on('agent_authenticated')
      const modified = channel.on('agent_query_modified')
      const login = await channel.push(
        'agent_authenticate',
        nested(who, { operatorId, permissions }),
      )
      expect(login).to.have.nested.property('response.success', true)
      expect(await next(authenticated)).to.include({ success: true, operatorId })
      const answer = await channel.push('agent_query_modify', {
        sessionId,
        repositoryType: 'appointments',
        modifications: [{ field: 'limit', operation: 'modify', value: 5 }],
      })
      expect(answer).to.have.nested.property('response.success', true)
      const event = await next(modified)
      expect(event).to.include({ success: true, seq: 1 })
      expect(event).to.have.nested.property('modifiedQuery.limit', 5)
    },
  },
]

/** The rows of the matrix, in their order. */
export const SCENARIOS: readonly Scenario[] = [
  ...connection,
  ...messages,
  ...longPolling,
  ...recoveries,
  ...agent,
]
