import { expect } from 'chai'
import { describe, it } from 'mocha'
import {
  type AgentClient,
  CLIENTS,
  ok,
  type Payload,
  rawAgent,
  refusalOf,
} from '../../support/agent-client.ts'
import { connectWire, replyTo } from '../../support/wire-client.ts'
import { newcomers } from './newcomers.ts'

const told = (agent: AgentClient): readonly Payload[] =>
  agent.log
    .filter(({ event }) => event === 'agent_command_progress')
    .map(({ payload }) => payload as Payload)

const progressOf = ({ step, progress }: Payload) => [step, progress]

describe('the progress of a command', () => {
  const scene = newcomers()
  const { newcomer } = scene

  for (const { name, connect } of CLIENTS) {
    it(`comes to the requester alone, counted, before the answer (${name})`, async () => {
      const agent = await newcomer(connect)
      const other = await rawAgent(scene.server, agent.who)
      const { commandId } = ok(await agent.execute('tell', { times: 2 }, { commandId: 'telling' }))
      const messages = told(agent)
      expect(messages.map(progressOf)).to.deep.equal([
        [1, { at: 1, padding: '' }],
        [2, { at: 2, padding: '' }],
        [3, 'done'],
      ])
      expect(commandId).to.equal('telling')
      const { step, progress, timestamp, ...members } = messages[0] ?? {}
      expect(members).to.deep.equal({
        success: true,
        commandId: 'telling',
        command: 'tell',
        operatorId: agent.who.operatorId,
      })
      expect(timestamp).to.match(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/)
      const events = agent.log.map(({ event }) => event)
      expect(events.lastIndexOf('agent_command_progress')).to.be.lessThan(
        events.lastIndexOf('phx_reply'),
      )
      await other.fence()
      expect(told(other)).to.deep.equal([])
    })
  }

  it('names a command that nobody has named as its answer does', async () => {
    const agent = await newcomer()
    const { commandId } = ok(await agent.execute('tell'))
    expect(told(agent).map((each) => each['commandId'])).to.deep.equal([commandId, commandId])
  })

  const KINDS = [
    ['bigint', 'TypeError'],
    ['function', 'TypeError'],
    ['cycle', 'TypeError'],
    ['nothing', 'TypeError'],
    ['large', 'RangeError'],
  ] as const
  for (const [kind, failure] of KINDS) {
    it(`is left out where it is a ${kind}, which the log tells of once`, async () => {
      const agent = await newcomer()
      const before = scene.server.errors.length
      ok(await agent.execute('tell_kind', { kind }))
      expect(told(agent).map(progressOf)).to.deep.equal([[1, 'went on']])
      const [error, ...more] = scene.server.errors.slice(before) as readonly Error[]
      expect(error?.message).to.equal('command tell_kind: a progress is left out')
      expect(error?.cause).to.have.property('name', failure)
      expect(more).to.deep.equal([])
    })
  }

  it('does nothing once the command has ended', async () => {
    const agent = await newcomer()
    const before = scene.server.errors.length
    const late = { name: 'told too late' }
    expect(refusalOf(await agent.execute('tell_late', late))).to.equal('command_timeout')
    expect(ok(await agent.execute('pass', late))['result']).to.equal('told')
    await agent.fence()
    expect(told(agent)).to.deep.equal([])
    expect(scene.server.errors.slice(before)).to.deep.equal([])
  })

  it('leaves some out where it comes too fast', async () => {
    const agent = await newcomer()
    ok(await agent.execute('tell', { times: 20_000 }))
    const steps = told(agent).map(({ step }) => Number(step))
    expect(steps.length).to.be.within(1_000, 20_000)
    expect(steps).to.deep.equal([...steps].sort((a, b) => a - b))
    expect(steps.slice(0, 1_000)).to.deep.equal(Array.from({ length: 1_000 }, (_, at) => at + 1))
  })

  it('does not cut a client that does not read', async function () {
    this.timeout(60_000)
    const agent = await newcomer()
    const wire = await connectWire(scene.server.url)
    const { sessionId, businessId } = agent.who
    const topic = `agent:${sessionId}`
    const push = (event: string, payload: unknown, ref: string) =>
      wire.push({ topic, event, payload, ref, joinRef: '1' })
    push('phx_join', { businessId }, '1')
    await wire.next(replyTo('1'))
    push('agent_authenticate', agent.nested(agent.who), '2')
    await wire.next(replyTo('2'))
    wire.pause()
    // Together 160 MB: many times what a socket may keep waiting, and what the kernel takes.
    const names = Array.from({ length: 10 }, (_, at) => `slow${at}`)
    for (const [at, name] of names.entries()) {
      const parameters = { times: 1_000, bytes: 16_000, gate: 'all told' }
      push(
        'agent_execute_command',
        agent.nested({ command: 'tell', parameters, commandId: name }),
        `${at + 3}`,
      )
    }
    for (const name of names) {
      // It runs, so what comes before the gate is told.
      expect(refusalOf(await agent.execute('tell', {}, { commandId: name }))).to.equal(
        'invalid_payload',
      )
    }
    ok(await agent.execute('open', { name: 'all told' }))
    wire.resume()
    for (const [at] of names.entries()) {
      const { payload } = await wire.next(replyTo(`${at + 3}`))
      expect(payload).to.have.property('status', 'ok')
    }
    const progress = wire.frames.filter(({ event }) => event === 'agent_command_progress')
    expect(progress.length).to.be.within(10, 9_000)
    wire.terminate()
  })
})
