import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { afterEach, before, beforeEach, describe, it } from 'mocha'
import { type AgentClient, ok, type Payload, phoenixAgent, WHO } from '../support/agent-client.ts'
import { makeCertificate } from '../support/certificate.ts'
import { readMetrics } from '../support/node-metrics.ts'
import { closeSockets } from '../support/phoenix-client.ts'
import { requireRedis } from '../support/redis.ts'
import { isAlive, type ServerProcess, startProcess } from '../support/server-process.ts'
import { draftPrice } from './agent/drafts.ts'

const SCRIPT = 'scripts/cluster.mjs'
const TIMEOUT_MS = 40_000
const REFUSAL_MS = 20_000
const STARTED = /^(\S+), pid (\d+): (\S+)$/gm
const READY = /^\d+ nodes behind (\S+) /m

const run = promisify(execFile)

/** What the script said that it started. */
interface Started {
  readonly name: string
  readonly pid: number
  readonly url: string
}

/** Redis first, then the nodes. */
const started = (cluster: ServerProcess): readonly Started[] =>
  [...cluster.output().matchAll(STARTED)].map(([, name = '', pid, url = '']) => ({
    name,
    pid: Number(pid),
    url,
  }))

/** How many connections a node has. */
const connections = async ({ url }: Started) => (await readMetrics(url)).get('connections')

/** The official client joins again by itself; the next reply to a join is the one that was not seen yet. */
const joined = (agent: AgentClient): Promise<Payload> =>
  agent.event('phx_reply', ({ response }) => Object.hasOwn(response as object, 'reconnectJitterMs'))

describe('scripts/cluster.mjs', function () {
  this.timeout(TIMEOUT_MS)
  let directory = ''
  const running = new Set<ServerProcess>()

  before(async function () {
    this.timeout(300_000)
    await requireRedis()
  })

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cluster-script-'))
  })

  afterEach(async () => {
    await closeSockets()
    for (const each of running) await each.stop()
    running.clear()
    rmSync(directory, { recursive: true })
  })

  async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const cluster = await startProcess({
      args: [SCRIPT, ...args],
      env: { TMPDIR: directory, ...env },
      ready: READY,
    })
    running.add(cluster)
    return cluster
  }

  /** The one thing that it says before it ends with code 1. */
  async function refusal(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH, HOME } = process.env
    const options = { env: { PATH, HOME, TMPDIR: directory, ...env }, timeout: REFUSAL_MS }
    const ended = await run(process.execPath, [SCRIPT, ...args], options).catch((error) => error)
    expect(ended).to.include({ code: 1, stdout: '' })
    return ended.stderr
  }

  const startTwo = () => start(['--nodes', '2', '--port', '0'])

  it('makes one session of two nodes, which outlives one of them', async () => {
    const cluster = await startTwo()
    const [, one, two] = started(cluster) as [Started, Started, Started]
    const ana = await phoenixAgent(cluster)
    const dan = await phoenixAgent(cluster, { operatorId: 'dan' })
    expect(await Promise.all([one, two].map(connections))).to.deep.equal([1, 1])

    // A draft is announced, and is the command's result: two events.
    const changeId = await draftPrice(ana, 60)
    await dan.received(2)
    ok(await dan.approve(changeId))
    await ana.received(3)

    await joined(ana)
    process.kill(one.pid, 'SIGKILL')
    await joined(ana)
    ok(await dan.modifyQuery('services', { limit: 4 }))
    const { epoch } = await ana.event('agent_authenticated')
    expect(ok(await ana.authenticate({ lastSeq: 3, epoch }))).to.include({ recovered: true })
    ok(await ana.modifyQuery('services', { limit: 5 }))
    for (const each of [ana, dan]) {
      await each.received(5)
      expect(each.seqs).to.deep.equal([1, 2, 3, 4, 5])
    }
    expect(await cluster.stop()).to.deep.equal({ code: 0, signal: null })
    expect(cluster.output()).to.include(`node-1, pid ${one.pid}, has ended: SIGKILL\n`)
  })

  it('ends all that it started when it is told to, also what was paused', async () => {
    const cluster = await startTwo()
    await phoenixAgent(cluster, WHO)
    const all = started(cluster)
    expect(all.map(({ name }) => name)).to.deep.equal(['redis-server', 'node-1', 'node-2'])
    for (const { pid } of all) process.kill(pid, 'SIGSTOP')
    expect(await cluster.stop()).to.deep.equal({ code: 0, signal: null })
    expect(all.filter(({ pid }) => isAlive(pid))).to.deep.equal([])
    expect(readdirSync(directory)).to.deep.equal([])
  })

  it('lets a client that has said all listen on', async () => {
    const { url } = await startTwo()
    const { hostname: host, port } = new URL(url)
    const client = connect({ host, port: Number(port), allowHalfOpen: true })
    client.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await readAll(client)).to.match(/^HTTP\/1\.1 200 OK\r\n/)
  })

  it('passes TLS through, where the nodes’ environment says TLS_CERT and TLS_KEY', async () => {
    const { cert, key, ca } = makeCertificate(directory)
    const args = ['--nodes', '1', '--port', '0']
    const { url } = await start(args, { TLS_CERT: cert, TLS_KEY: key })
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}/readyz`, { ca, agent: false }, resolve).once('error', reject)
    })
    expect(await readAll(await answer)).to.equal('{"status":"ok"}')
  })

  for (const [args, line] of [
    [['--nodes', '0'], /^--nodes is "0": npm run cluster -- .*\n$/],
    [['--port', '65536'], /^--port is "65536": npm run cluster -- .*\n$/],
    [['--node', '3'], /^Unknown option '--node': npm run cluster -- .*\n$/],
    [['3'], /^Unexpected argument '3': npm run cluster -- .*\n$/],
  ] as const) {
    it(`refuses ${args.join(' ')} in one line`, async () => {
      expect(await refusal(args)).to.match(line)
    })
  }

  it('says what to install, or to set, where there is no redis-server', async () => {
    expect(await refusal(['--port', '0'], { PATH: directory })).to.equal(
      'there is no redis-server: apt-get install redis-server, or set REDIS_URL\n',
    )
    expect(readdirSync(directory)).to.deep.equal([])
  })

  it('starts nothing where its port is taken', async () => {
    const { url } = await startTwo()
    const { host, port } = new URL(url)
    expect(await refusal(['--port', port])).to.equal(`cannot listen on ${host}: EADDRINUSE\n`)
  })
})
