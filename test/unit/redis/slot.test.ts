import { expect } from 'chai'
import { describe, it } from 'mocha'
import { slotOf } from '../../../server/redis/slot.ts'
import { readMasters, readRedirect } from '../../../server/redis/slot-owners.ts'

describe('the slot of a key', () => {
  // As the specification of Redis Cluster has it, and `CLUSTER KEYSLOT` of Redis 7.
  const slots: readonly (readonly [string, number])[] = [
    ['123456789', 0x31c3],
    ['', 0],
    ['foo', 12182],
    ['{user1000}.following', 3443],
    ['{user1000}.followers', 3443],
    ['foo{}{bar}', 8363],
    ['foo{{bar}}zap', 4015],
    ['foo{bar}{zap}', 5061],
    ['ünïcode ☃', 2412],
  ]
  for (const [key, slot] of slots) {
    it(`is ${slot} for ${JSON.stringify(key)}`, () => {
      expect(slotOf(key)).to.equal(slot)
      expect(slotOf(Buffer.from(key))).to.equal(slot)
    })
  }
})

describe('where a cluster says that slots are', () => {
  it('is read from an error that redirects', () => {
    expect(readRedirect(new Error('MOVED 3999 127.0.0.1:6381'))).to.deep.equal({
      slot: 3999,
      address: { host: '127.0.0.1', port: 6381 },
      isMoved: true,
    })
    expect(readRedirect(new Error('ASK 3999 ::1:6381'))).to.deep.equal({
      slot: 3999,
      address: { host: '::1', port: 6381 },
      isMoved: false,
    })
  })

  for (const message of ['ERR no', 'MOVED', 'MOVED x a:1', 'MOVED 16384 a:1', 'MOVED 1 a:']) {
    it(`is not read from ${JSON.stringify(message)}`, () => {
      expect(readRedirect(new Error(message))).to.equal(undefined)
    })
  }

  it('is read from CLUSTER SLOTS, replicas left out', () => {
    const reply = [
      [0, 5460, ['10.0.0.1', 7000, 'id'], ['10.0.0.2', 7001, 'id']],
      [5461, 16383, ['', 7002, 'id']],
    ]
    expect(readMasters(reply, '[::1]:7000')).to.deep.equal([
      { from: 0, to: 5460, address: { host: '10.0.0.1', port: 7000 } },
      { from: 5461, to: 16383, address: { host: '::1', port: 7002 } },
    ])
  })

  it('is not read from what is no such reply', () => {
    for (const reply of [null, 'x', [], [1], [[0]], [[0, 1]], [[0, 16384, ['a', 1]]]]) {
      expect(readMasters(reply, 'a:1')).to.deep.equal([])
    }
    expect(readMasters([[0, 1, ['?', 1]]], 'a:1')).to.deep.equal([])
  })
})
