import { type Redis, RedisUnavailable } from '../../../server/index.ts'

/**
 * Looks at what Redis does when its memory is full. Rejects with an Error of one line where it would then
 * throw away what the store keeps: only `noeviction` refuses writes instead. Resolves with a warning of one
 * line where Redis does not tell. Rejects with RedisUnavailable where Redis is away.
 */
export async function checkRedis(redis: Redis): Promise<string | undefined> {
  const policies = await evictionPolicies(redis)
  const wrong = policies.find((policy) => policy !== undefined && policy !== 'noeviction')
  if (wrong !== undefined) {
    throw new Error(`REDIS_URL: maxmemory-policy of this Redis is ${wrong}; it must be noeviction`)
  }
  if (!policies.includes(undefined)) return undefined
  return 'REDIS_URL: this Redis does not tell its maxmemory-policy; see to it that it is noeviction'
}

/** Of every master. By INFO, which hosts of Redis allow where they forbid CONFIG. */
async function evictionPolicies(redis: Redis): Promise<readonly (string | undefined)[]> {
  try {
    const infos = await redis.everywhere('INFO', 'memory')
    return infos.map((info) => /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1])
  } catch (error) {
    if (error instanceof RedisUnavailable) throw error
    return [undefined]
  }
}
