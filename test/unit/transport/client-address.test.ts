import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { addressSet } from '../../../server/limits/addresses.ts'
import { peerBehind } from '../../../server/transport/client-address.ts'

const PROXIES = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8']
const trusts = addressSet(PROXIES)
const addressOf = (peer: string, ...forwardedFor: readonly string[]) =>
  peerBehind({ address: peer, port: 4_711 }, forwardedFor, trusts).address

describe('the client’s address', () => {
  it('is the peer’s where nobody is trusted, whatever it says', () => {
    const peer = { address: '203.0.113.9', port: 4_711 }
    expect(peerBehind(peer, ['1.1.1.1'], addressSet([]))).to.deep.equal(peer)
  })

  it('is what a trusted peer says, with no port', () => {
    const peer = { address: '10.1.2.3', port: 4_711 }
    expect(peerBehind(peer, ['203.0.113.9'], trusts)).to.deep.equal({
      address: '203.0.113.9',
      port: 0,
    })
    expect(peerBehind(peer, [], trusts)).to.deep.equal(peer)
  })

  it('is the last that is no proxy: what stands before it, the client may have written', () => {
    expect(addressOf('10.1.2.3', '1.1.1.1, 203.0.113.9')).to.equal('203.0.113.9')
    expect(addressOf('10.1.2.3', '1.1.1.1, 203.0.113.9, 10.9.9.9')).to.equal('203.0.113.9')
    expect(addressOf('10.1.2.3', '1.1.1.1', '203.0.113.9, 192.168.1.1')).to.equal('203.0.113.9')
    expect(addressOf('203.0.113.9', '10.1.2.3')).to.equal('203.0.113.9')
  })

  it('is the farthest proxy’s where there are only proxies', () => {
    expect(addressOf('10.1.2.3', '10.0.0.7, 10.0.0.8')).to.equal('10.0.0.7')
  })

  it('is that of the proxy that names none', () => {
    for (const nothing of [
      '',
      'unknown',
      '_hidden',
      '1.2.3',
      '[::1',
      '1.1.1.1.1',
      '☃',
      '-',
      ',,',
    ]) {
      expect(addressOf('10.1.2.3', `1.1.1.1, ${nothing}`), nothing).to.equal('10.1.2.3')
    }
  })

  it('may come with a port, which does not count', () => {
    expect(addressOf('10.1.2.3', '203.0.113.9:4711')).to.equal('203.0.113.9')
    expect(addressOf('10.1.2.3', '[2001:db8::9]:4711')).to.equal('2001:db8::9')
    expect(addressOf('10.1.2.3', '[2001:db8::9]')).to.equal('2001:db8::9')
  })

  it('has one text, however it was written', () => {
    const long = '2001:0db8:0000:0000:0000:0000:0000:0009'
    for (const text of [long, '2001:DB8::9', '2001:db8::9%eth0']) {
      expect(addressOf('10.1.2.3', text)).to.equal('2001:db8::9')
      expect(addressOf(text)).to.equal('2001:db8::9')
    }
    expect(addressOf('0000:0000:0000:0000:0000:ffff:cb00:7109')).to.equal('203.0.113.9')
    expect(addressOf('::ffff:10.1.2.3', '::ffff:203.0.113.9')).to.equal('203.0.113.9')
    expect(addressOf('fd12::1', '203.0.113.9')).to.equal('203.0.113.9')
  })

  it('is the peer’s, or one that was named, whatever is sent', () => {
    const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constant('10.0.0.1'))
    fc.assert(
      fc.property(fc.ipV4(), fc.array(hop, { maxLength: 5 }), (peer, hops) => {
        const address = addressOf(peer, hops.join(', '))
        if (!trusts(peer)) expect(address).to.equal(peer)
        else expect(address).to.match(/^[\da-f.:]+$/)
      }),
    )
  })
})
