import { isIPv6 } from 'node:net'
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  addressSet,
  canonical,
  clientKey,
  isAddressRange,
} from '../../../server/limits/addresses.ts'

describe('a set of addresses', () => {
  const has = addressSet(['10.0.0.0/8', '192.0.2.7', '::1', 'fe80::/10'])

  for (const address of [
    '10.255.0.1',
    '192.0.2.7',
    '::1',
    '0000:0000:0000:0000:0000:0000:0000:0001',
    'febf::1',
    '::ffff:10.0.0.1',
    '0000:0000:0000:0000:0000:ffff:0a00:0001',
  ]) {
    it(`has ${address}`, () => expect(has(address)).to.equal(true))
  }

  for (const address of ['11.0.0.1', '192.0.2.8', '::2', 'fec0::1', '::ffff:11.0.0.1', '', 'x']) {
    it(`has no ${address || 'empty text'}`, () => expect(has(address)).to.equal(false))
  }

  it('of nothing has nobody', () => expect(addressSet([])('127.0.0.1')).to.equal(false))

  it('is not made of what is no address', () => {
    expect(() => addressSet(['10.0.0.0/33'])).to.throw(TypeError, '10.0.0.0/33')
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        if (isAddressRange(text)) expect(() => addressSet([text])).not.to.throw()
        else expect(() => addressSet([text])).to.throw(TypeError)
      }),
    )
  })
})

describe('the client at an address', () => {
  const keyOf = (address: string) => clientKey(canonical(address))

  for (const [address, client] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['0000:0000:0000:0000:0000:ffff:c000:0207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['no address', 'no address'],
  ] as const) {
    it(`${address} is ${client}`, () => expect(keyOf(address)).to.equal(client))
  }

  it('is the same for every address of an IPv6 network, in whatever form it is written', () => {
    const upper = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 1, max: 0xffff })))
    fc.assert(
      fc.property(upper, fc.ipV6(), (network, other) => {
        const hex = network.map((group) => group.toString(16))
        const long = hex.map((group) => group.padStart(4, '0'))
        const client = keyOf(`${hex.join(':')}::1`)
        expect(client).to.equal(`${hex.join(':')}::/64`)
        expect(keyOf(`${long.join(':')}:0000:1234:00ab:0000`)).to.equal(client)
        if (isIPv6(other)) expect(() => keyOf(other)).not.to.throw()
      }),
    )
  })
})
