import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbStore } from '../../channels/agent/store/lmdb.ts'
import { createRedisStore } from '../../channels/agent/store/redis.ts'
import type { AgentStore } from '../../channels/agent/store/store.ts'
import type { Redis } from '../../server/index.ts'
import { asLocal } from './agent-store-redis-adapter.ts'
import type { StoreSetup } from './agent-store-setup.ts'

/** A name with a dot in it, which lmdb left alone would take for a file. */
export const makeDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'agent-store.'))

export const newPrefix = () => `test-${randomUUID()}`

/** A store of LMDB in a directory of its own. */
export async function setUpLmdb(): Promise<StoreSetup> {
  const dir = await makeDir()
  let time = Date.UTC(2026, 0, 1)
  const advance = (ms: number) => {
    time += ms
  }
  const setup = await setUp(async () => openLmdbStore({ dir, now: () => time }), advance)
  const cleanup = async () => {
    await setup.cleanup()
    await rm(dir, { recursive: true })
  }
  return { ...setup, cleanup }
}

/** A store of Redis under a prefix of its own. */
export async function setUpRedis(redis: Redis): Promise<StoreSetup> {
  const prefix = newPrefix()
  let offset = 0
  const advance = (ms: number) => {
    offset += ms
  }
  const options = { redis, prefix, onError: () => {}, clockOffsetMs: () => offset }
  return await setUp(async () => asLocal(createRedisStore(options)), advance)
}

async function setUp(
  open: () => Promise<AgentStore>,
  advance: (ms: number) => void,
): Promise<StoreSetup> {
  const opened = [await open()]
  return {
    store: opened[0] as AgentStore,
    clock: { advance },
    reopen: async () => {
      await opened.at(-1)?.close()
      const store = await open()
      opened.push(store)
      return store
    },
    cleanup: async () => {
      await opened.at(-1)?.close()
    },
  }
}
