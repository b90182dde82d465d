import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireProgram } from './apt.ts'
import { within } from './deadline.ts'
import { freePort } from './free-port.ts'

/** With the machine busy. */
const READY_MS = 20_000
const END_MS = 10_000
const SLOTS = 16_384

const run = promisify(execFile)

export interface RedisOptions {
  /** Whether it keeps an append-only file, flushed once a second; without one it keeps nothing. */
  readonly appendonly?: boolean
  /** Further settings of redis.conf by name; they win over ours. */
  readonly config?: Readonly<Record<string, string>>
}

/** A real Redis of the test's own: on 127.0.0.1, in a directory of its own. */
export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Another one after each `restart`. */
  readonly pid: number
  /** What `redis-cli` prints for a command. */
  cli(...args: readonly string[]): Promise<string>
  /** Ends it and removes its directory. */
  stop(): Promise<void>
  /** Ends it as a power cut would; `restart` brings it back. */
  kill9(): Promise<void>
  /** On the same port, with all of its data or with none, whether it is running or not. */
  restart(options: { readonly keepData: boolean }): Promise<void>
  /** SIGSTOP: connections stay, the kernel accepts new ones, nothing answers. */
  pause(): void
  /** SIGCONT. */
  resume(): void
}

/** One Redis, or all nodes of a cluster. */
export interface RedisServers {
  /** Of a cluster it names all nodes: `redis://h1,h2,h3?cluster=true`. */
  readonly url: string
  readonly nodes: readonly TestRedis[]
  stop(): Promise<void>
}

/** Servers that a test left running end with the test run, at the latest. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Where the package starts a service, that is none of ours: ended by what the package says it is. */
const END_SERVICE = `
if [ -d /run/systemd/system ]; then systemctl disable --now redis-server
elif [ -f /run/redis/redis-server.pid ]; then kill "$(cat /run/redis/redis-server.pid)"; fi
`

let required: Promise<unknown> | undefined

/** Sees to it that there is a `redis-server`: see {@link requireProgram}. */
export async function requireRedis(): Promise<void> {
  required ??= requireProgram({ name: 'redis-server', afterInstall: END_SERVICE })
  await required
}

export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  await requireRedis()
  const dir = await mkdtemp(join(tmpdir(), 'agent-channels-redis-'))
  const port = await freePort()
  const config = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: options.appendonly ? 'yes' : 'no',
    'maxmemory-policy': 'noeviction',
    ...options.config,
  }
  const cli = async (...args: readonly string[]): Promise<string> => {
    const auth = options.config?.['requirepass']
    const env = auth === undefined ? process.env : { ...process.env, REDISCLI_AUTH: auth }
    const { stdout } = await run('redis-cli', ['-p', String(port), ...args], { env })
    return stdout.trim()
  }
  let child = await startServer(config)

  const kill9 = async (): Promise<void> => {
    if (!running.has(child)) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await within(ended, END_MS, `the end of redis-server ${child.pid}`)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0
    },
    cli,
    kill9,
    async stop() {
      await kill9()
      await rm(dir, { recursive: true, force: true })
    },
    async restart({ keepData }) {
      if (keepData && running.has(child)) await cli('save')
      await kill9()
      if (!keepData) await removeData(dir)
      child = await startServer(config)
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
  }
}

/** Masters without replicas, the slots shared out evenly. Ready when every one knows all slots. */
export async function startRedisCluster(count = 3): Promise<RedisServers> {
  const starting = Array.from({ length: count }, async () => {
    const busPort = await freePort()
    const config = { 'cluster-enabled': 'yes', 'cluster-port': String(busPort) }
    return { redis: await startRedis({ config }), busPort }
  })
  const members = await Promise.all(starting)
  const nodes = members.map(({ redis }) => redis)
  for (const [at, { cli }] of nodes.entries()) {
    const [from, to] = [at, at + 1].map((each) => Math.floor((each * SLOTS) / count))
    await cli('cluster', 'addslotsrange', String(from), String(Number(to) - 1))
    for (const { redis, busPort } of members.slice(0, at)) {
      await cli('cluster', 'meet', '127.0.0.1', String(redis.port), String(busPort))
    }
  }
  await within(Promise.all(nodes.map(clusterReady)), READY_MS, 'a whole cluster')
  return {
    url: `redis://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}?cluster=true`,
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

async function startAlone(): Promise<RedisServers> {
  const redis = await startRedis()
  return { url: redis.url, nodes: [redis], stop: () => redis.stop() }
}

/** Every kind of Redis that the server works with, to run one test through. */
export const REDIS_KINDS = [
  { name: 'one Redis', start: startAlone },
  { name: 'a Redis Cluster', start: () => startRedisCluster() },
] as const

/** Nothing in Redis announces it: asked until it is so. */
async function clusterReady(node: TestRedis): Promise<void> {
  const info = await node.cli('cluster', 'info')
  if (!/cluster_state:ok/.test(info)) await clusterReady(node)
}

async function startServer(config: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const args = Object.entries(config).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.once('close', () => running.delete(child))
  let output = ''
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('Ready to accept connections')) resolve()
      })
    }
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`ended with ${code} before it was ready`)))
  })
  try {
    await within(ready, READY_MS, 'a redis-server that accepts connections')
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`redis-server ${args.join(' ')}: ${String(error)}\n${output}`)
  }
  return child
}

async function removeData(dir: string): Promise<void> {
  await rm(join(dir, 'dump.rdb'), { force: true })
  await rm(join(dir, 'appendonlydir'), { recursive: true, force: true })
  await rm(join(dir, 'appendonly.aof'), { force: true })
}
