import { type Redis, RedisUnavailable } from '../../../server/index.ts'

/**
 * Looks at what Redis does when its memory is full. Rejects with an Error of one line where it would then
 * throw away what the store keeps: only `noeviction` refuses writes instead. Resolves with a warning of one
 * line where Redis does not tell. Rejects with RedisUnavailable where Redis is away.
 */
export async function checkRedis(redis: Redis): Promise<string | undefined> {
  const policy = await evictionPolicy(redis)
  if (policy === undefined) {
    return 'REDIS_URL: this Redis does not tell its maxmemory-policy; see to it that it is noeviction'
  }
  if (policy === 'noeviction') return undefined
  throw new Error(`REDIS_URL: maxmemory-policy of this Redis is ${policy}; it must be noeviction`)
}

/** By INFO, which hosts of Redis allow where they forbid CONFIG. */
async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  try {
    const info = await redis.command('INFO', 'memory')
    return /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1]
  } catch (error) {
    if (error instanceof RedisUnavailable) throw error
    return undefined
  }
}
