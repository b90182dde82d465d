import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { connectWire, replyTo, terminateWires } from '../support/wire-client.ts'

const TIMEOUT_MS = 40_000

/** A command that runs until it is stopped, and one that breaks something much later. */
const COMMANDS = `
const base = { audience: 'requester', parameters: { type: 'object' }, timeoutMs: 60000 }
export default [
  { ...base, name: 'wait', description: 'waits', run: () => new Promise(() => {}) },
  { ...base, name: 'fail', description: 'fails later', run: () => {
    setTimeout(() => { void Promise.reject(new Error('much later, password=hunter2')) })
  } },
]`

describe('the server process', function () {
  this.timeout(TIMEOUT_MS)
  let directory = ''
  let env: Readonly<Record<string, string>> = {}
  const running = new Set<ServerProcess>()

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'main-'))
    const commands = join(directory, 'commands.mjs')
    writeFileSync(commands, COMMANDS)
    env = { PORT: '0', DATA_DIR: join(directory, 'data'), COMMANDS: commands }
  })

  afterEach(async () => {
    terminateWires()
    for (const each of running) await each.kill9()
    running.clear()
    rmSync(directory, { recursive: true })
  })

  async function start(more: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    const server = await startServer({ ...env, ...more })
    running.add(server)
    return server
  }

  /** Runs a server that ends by itself, or is told to as soon as it is ready. */
  async function run(more: Readonly<Record<string, string>>) {
    const { PATH, HOME } = process.env
    const child = spawn(process.execPath, ['--import', 'tsx', 'server/main.ts'], {
      env: { PATH, HOME, ...env, ...more },
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
      })
    }
    child.stdout.once('data', () => child.kill())
    const [code] = await once(child, 'close')
    return { code, ...output }
  }

  /** A client whose command has begun. */
  async function clientOf(server: ServerProcess, command: string) {
    const wire = await connectWire(server.url)
    const ids = { sessionId: 's', businessId: 'b' }
    const push = (event: string, ref: string, payload: object) =>
      wire.push({ topic: 'agent:s', event, ref, joinRef: '1', payload })
    push('phx_join', '1', { businessId: 'b' })
    await wire.next(replyTo('1'))
    const who = { ...ids, operatorId: 'o', permissions: ['agent_access'] }
    push('agent_authenticate', '2', { sessionId: 's', payload: who })
    await wire.next(replyTo('2'))
    const work = { ...ids, command, parameters: {} }
    push('agent_execute_command', '3', { sessionId: 's', payload: work })
    await wire.fence({ topic: 'agent:s', event: 'answered behind it', joinRef: '1' })
    return wire
  }

  const lines = (text: string) => text.split('\n').filter((line) => line !== '')
  const ended = (code: number) => ({ code, signal: null })

  it('prints one line with its URL to standard output, and logs JSON to standard error', async () => {
    const { code, stdout, stderr } = await run({})
    expect(code).to.equal(0)
    expect(stdout).to.match(
      /^agent-channels is listening on http:(\/\/127\.0\.0\.1:\d+) \(ws:\1\/socket\/websocket\)\n$/,
    )
    const messages = lines(stderr).map((line) => JSON.parse(line).msg)
    expect(messages).to.include.members(['listening', 'stopped'])
  })

  it('says why it cannot start in one line, with the stack in the log at debug', async () => {
    const { code, stdout, stderr } = await run({ LOG_LEVEL: 'debug', COMMANDS: '/none.mjs' })
    expect([code, stdout]).to.deep.equal([1, ''])
    const [log = '', line] = lines(stderr)
    expect(JSON.parse(log)).to.include({ level: 'debug', msg: 'the start failed' })
    expect(line).to.match(/^COMMANDS: /)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`drains on ${signal}: every client sees 1012, the exit code is 0`, async () => {
      const server = await start()
      const wire = await connectWire(server.url)
      expect(await server.stop(signal)).to.deep.equal(ended(0))
      expect((await wire.closed).code).to.equal(1012)
    })
  }

  it('answers what does not end in time, before its client is sent away', async () => {
    const server = await start({ DRAIN_MS: '1000' })
    const wire = await clientOf(server, 'wait')
    expect(await server.stop()).to.deep.equal(ended(0))
    const { payload } = await wire.next(replyTo('3'))
    const { status, response } = payload as { status: string; response: object }
    expect(status).to.equal('error')
    expect(response).to.include({ code: 'command_cancelled', command: 'wait' })
    expect((await wire.closed).code).to.equal(1012)
  })

  it('takes signals that come together for one wish', async () => {
    const server = await start({ DRAIN_MS: '1000' })
    await clientOf(server, 'wait')
    const ends = (['SIGINT', 'SIGINT', 'SIGTERM'] as const).map((signal) => server.stop(signal))
    expect(await Promise.all(ends)).to.deep.equal([ended(0), ended(0), ended(0)])
  })

  it('ends at once, with code 1, when it is told again', async () => {
    const server = await start()
    await clientOf(server, 'wait')
    const again = setInterval(() => server.stop().catch(() => undefined), 100)
    try {
      expect(await server.stop()).to.deep.equal(ended(1))
    } finally {
      clearInterval(again)
    }
  })

  it('refuses a malformed variable in one line, with code 1', async () => {
    expect(await run({ PORT: '3000abc' })).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'PORT is "3000abc", but it must be an integer from 0 to 65535\n',
    })
  })

  it('refuses a DATA_DIR that another server uses, in one line, with code 1', async () => {
    await start()
    const { code, stdout, stderr } = await run({})
    expect([code, stdout, lines(stderr).length]).to.deep.equal([1, '', 1])
    expect(stderr).to.match(/^DATA_DIR .* is in use/)
  })

  it('refuses a taken port in one line, with code 1', async () => {
    const { url } = await start()
    const DATA_DIR = join(directory, 'other')
    const { code, stdout, stderr } = await run({ PORT: new URL(url).port, DATA_DIR })
    expect([code, stdout, lines(stderr).length]).to.deep.equal([1, '', 1])
    expect(stderr).to.match(/^cannot listen on 127\.0\.0\.1:\d+/)
  })

  it('logs what nobody caught, without secrets, and ends with code 1', async () => {
    const server = await start()
    const wire = await clientOf(server, 'fail').catch(() => undefined)
    await wire?.closed
    expect(await server.stop()).to.deep.equal(ended(1))
    const last = JSON.parse(lines(server.output()).at(-1) ?? '')
    expect(last).to.include({ level: 'fatal', msg: 'unhandledRejection' })
    expect(last.err.message).to.equal('much later, password=[FILTERED]')
    expect(last.err.stack).to.match(/commands\.mjs/)
  })
})
