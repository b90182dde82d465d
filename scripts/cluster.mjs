/**
 * npm run cluster -- --nodes 3 --port 3000: several nodes on this machine, a balancer before them, and a Redis
 * that forgets all when it ends, unless REDIS_URL names another. For trying out what happens when one of them
 * dies: it is said, and nothing is started again. Ctrl-C drains the nodes, then ends the rest; a second one
 * ends all at once. The nodes' logs pass as they are.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startBalancer } from './cluster/balancer.mjs'
import { Refusal, start, stop } from './cluster/processes.mjs'

const ROOT = dirname(import.meta.dirname)
const USAGE = 'npm run cluster -- [--nodes 1…32] [--port 0…65535]'
const HOST = '127.0.0.1'
const REDIS = 'redis-server'
/** A Ctrl-C under npm comes twice, from the terminal and from npm: that is one wish. */
const SAME_SIGNAL_MS = 500
/** For the last bytes to reach the clients after the last node has ended. */
const FLUSH_MS = 1_000

function readArguments() {
  const options = {
    nodes: { type: 'string', default: '3' },
    port: { type: 'string', default: '3000' },
  }
  const number = (name, text, min, max) => {
    const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new Refusal(`--${name} is ${JSON.stringify(text)}: ${USAGE}`)
  }
  try {
    const { nodes, port } = parseArgs({ options }).values
    return { nodes: number('nodes', nodes, 1, 32), port: number('port', port, 0, 65_535) }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(`${error.message.split('. ', 1)[0]}: ${USAGE}`)
  }
}

function build() {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Refusal('the build failed')
}

async function freePort() {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function startRedis() {
  if (process.env.REDIS_URL) {
    console.log('Redis: the one that REDIS_URL names')
    return process.env.REDIS_URL
  }
  const dir = mkdtempSync(join(tmpdir(), 'agent-channels-cluster-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  const port = await freePort()
  const settings = { bind: HOST, port, dir, save: '', 'maxmemory-policy': 'noeviction' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const ready = /Ready to accept connections/
  try {
    const { pid } = await start(REDIS, REDIS, args, { cwd: ROOT, env: process.env, ready })
    console.log(`${REDIS}, pid ${pid}: redis://${HOST}:${port}`)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    throw new Refusal(`there is no ${REDIS}: apt-get install ${REDIS}, or set REDIS_URL`)
  }
  return `redis://${HOST}:${port}`
}

async function startNode(name, redisUrl) {
  const args = ['--enable-source-maps', 'dist/server/main.js']
  const { pid, match } = await start(name, process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, HOST, PORT: '0', REDIS_URL: redisUrl, NODE_NAME: name },
    ready: /listening on (https?:\S+) /,
  })
  return { name, pid, url: new URL(match[1]) }
}

/** Resolves with the nodes' URLs. */
async function startNodes(count) {
  const redisUrl = await startRedis()
  const names = Array.from({ length: count }, (_, index) => `node-${index + 1}`)
  const nodes = await Promise.all(names.map((name) => startNode(name, redisUrl)))
  for (const { name, pid, url } of nodes) console.log(`${name}, pid ${pid}: ${url.origin}`)
  return nodes.map(({ url }) => url)
}

/** Resolves with the first signal; a later one ends all at once. */
function signalled() {
  return new Promise((resolve) => {
    let at
    const onSignal = () => {
      at ??= performance.now()
      if (performance.now() - at > SAME_SIGNAL_MS) process.exit(1)
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal)
  })
}

async function listen(port, ports) {
  try {
    return await startBalancer(port, ports)
  } catch (error) {
    throw new Refusal(`cannot listen on ${HOST}:${port}: ${error.code}`)
  }
}

async function run() {
  const { nodes, port } = readArguments()
  const signal = signalled()
  build()
  const ports = []
  const balancer = await listen(port, ports)
  const started = async () => {
    const urls = await startNodes(nodes)
    ports.push(...urls.map((url) => Number(url.port)))
    // What passes through the balancer is TLS where the nodes' environment says so.
    const url = balancer.url.replace('http:', urls[0].protocol)
    console.log(`${nodes} nodes behind ${url} (Ctrl-C ends them)`)
  }
  let gone
  try {
    await Promise.race([started(), signal])
    await signal
    console.log('stopping')
  } finally {
    gone = balancer.close()
    await stop(REDIS)
  }
  await Promise.race([gone, sleep(FLUSH_MS)])
}

try {
  await run()
  process.exit(0)
} catch (error) {
  console.error(error instanceof Refusal ? error.message : error)
  process.exit(1)
}
