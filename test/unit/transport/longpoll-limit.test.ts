import { expect } from 'chai'
import { describe, it } from 'mocha'
import { SessionCount } from '../../../server/transport/longpoll-limit.ts'

describe('long-poll: how many sessions there may be', () => {
  /** How many of `tries` were let in. */
  const taken = (count: SessionCount, address: string, tries: number) =>
    Array.from({ length: tries }, () => count.take(address)).filter(Boolean).length

  it('is a number for all of them', () => {
    const count = new SessionCount({ maxSessions: 5 })
    expect(taken(count, '127.0.0.1', 3)).to.equal(3)
    expect(taken(count, '203.0.113.7', 3)).to.equal(2)
    count.giveBack('127.0.0.1')
    expect(taken(count, '203.0.113.7', 3)).to.equal(1)
  })

  it('is a number for each address, each of which gives back its own', () => {
    const count = new SessionCount({ maxSessions: 100, maxSessionsPerAddress: 2 })
    for (const address of ['127.0.0.1', '10.0.0.1', '203.0.113.7', '2001:db8::1', 'unknown', '']) {
      expect(taken(count, address, 5), address).to.equal(2)
      count.giveBack(address)
      expect(taken(count, address, 5), address).to.equal(1)
    }
  })

  it('is a thousand for a public address, unless told; others may be a proxy', () => {
    const count = new SessionCount({ maxSessions: 100_000 })
    for (const address of [
      '203.0.113.7',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '172.32.0.1',
      '0000:0000:0000:0000:0000:ffff:cb00:7107',
    ]) {
      expect(taken(count, address, 1_001), address).to.equal(1_000)
    }
    for (const address of [
      '127.0.0.1',
      '127.1.2.3',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.1',
      '0000:0000:0000:0000:0000:0000:0000:0001',
      'fd00::1',
      'fe80::1',
      '::ffff:127.0.0.1',
    ]) {
      expect(taken(count, address, 1_001), address).to.equal(1_001)
    }
  })
})
