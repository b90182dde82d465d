import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { type RedisOptions, startRedis } from '../../support/redis.ts'
import { startNode } from './node.ts'

const SECRET = 'hunter2-x'

/** What a node with this login is told: its first error, or the answer to PING. */
async function outcome(login: string, port: number): Promise<string> {
  const node = startNode(`redis://${login}@127.0.0.1:${port}`)
  try {
    const pong = node.redis.command('ping').then(String)
    return await Promise.race([pong.catch(() => node.errors.next()), node.errors.next()])
  } finally {
    await node.close()
  }
}

describe('a Redis with a password', () => {
  async function outcomeWith(login: string, options: RedisOptions): Promise<string> {
    const redis = await startRedis(options)
    try {
      return await outcome(login, redis.port)
    } finally {
      await redis.stop()
    }
  }

  it('is used with it', async () => {
    const options = { config: { requirepass: SECRET } }
    expect(await outcomeWith(`:${SECRET}`, options)).to.equal('PONG')
    expect(await outcomeWith(`default:${SECRET}`, options)).to.equal('PONG')
  })

  it('is not used with another one, and the error does not show it', async () => {
    const error = await outcomeWith(`:${SECRET}`, { config: { requirepass: 'another' } })
    expect(error)
      .to.match(/WRONGPASS/)
      .and.not.include(SECRET)
  })

  it('does not get it into an error where it repeats what it does not understand', async () => {
    const server = createServer((socket) => {
      socket.on('data', () =>
        socket.write(`-ERR unknown command 'auth', with args: '${SECRET}'\r\n`),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const error = await outcome(
      `:${SECRET}`,
      typeof address === 'object' ? (address?.port ?? 0) : 0,
    )
    server.close()
    expect(error)
      .to.match(/unknown command/)
      .and.not.include(SECRET)
  })
})
