import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Head, type Message } from '../../../server/protocol/message.ts'
import { parseParams } from '../../../server/transport/params.ts'
import { codecFor } from '../../../server/transport/vsn.ts'
import { encodeClientPush, toArrayBuffer } from '../../support/client-codec.ts'

describe('codecFor', () => {
  const negotiates = (id: string, query: string, name: string | undefined) =>
    it(`${id}: ${query || 'no vsn'} is ${name ?? 'refused'}`, () => {
      const { vsn } = parseParams(query)
      expect(codecFor(vsn)?.name).to.equal(name)
    })

  negotiates('C1.11', '', 'v1')
  for (const vsn of ['1.0.0', '1.0.5', '1.0.10']) negotiates('C1.12', `vsn=${vsn}`, 'v1')
  for (const vsn of ['2.0.0', '2.0.9', '2.0.120']) negotiates('C1.13', `vsn=${vsn}`, 'v2')
  for (const vsn of ['9.9.9', '1.1.0', '2.1.0', '0.0.0', '3.0.0', '12.0.0']) {
    negotiates('C1.14', `vsn=${vsn}`, undefined)
  }
  for (const vsn of ['2', '2.0', 'abc', '', 'null', '2.0.0.0', '2.0.', '-2.0.0', 'v2.0.0']) {
    negotiates('C1.15', `vsn=${vsn}`, undefined)
  }
  for (const vsn of ['02.0.0', '2.00.0', '2.0.00', '2.0.01', '+2.0.0', '2.0.0%0A', '%202.0.0']) {
    negotiates('C1.15', `vsn=${vsn}`, undefined)
  }
  for (const vsn of ['2.0.0-rc.1', '1.0.0-0', '2.0.1-rc.1', '2.0.0-rc.1%2Bbuild']) {
    negotiates('C1.16', `vsn=${vsn}`, undefined)
  }
  negotiates('C1.16', 'vsn=2.0.0%2Bbuild', 'v2')
  negotiates('C1.16', 'vsn=1.0.0%2Bbuild.007.x-y', 'v1')
  negotiates('C1.16', 'vsn=2.0.0%2B', undefined)
  negotiates('C1.16', 'vsn=2.0.0%2Ba..b', undefined)
  negotiates('C1.16', 'vsn=2.0.0%2Ba_b', undefined)
  negotiates('C1.16', 'vsn=2.0.0+build', undefined)
  for (const vsn of ['2.0.0%2Bmsgpack', '2.0.7%2Bmsgpack', '2.0.0+msgpack']) {
    negotiates('MessagePack', `vsn=${vsn}`, 'msgpack')
  }
  for (const vsn of ['2.0.0%2Bmsgpack.1', '2.0.0%2BMsgpack', '2.0.0%2Bx-msgpack']) {
    negotiates('another build', `vsn=${vsn}`, 'v2')
  }
  negotiates('MessagePack is V2', 'vsn=1.0.0%2Bmsgpack', 'v1')
  for (const vsn of [
    '3.0.0%2Bmsgpack',
    '2.1.0%2Bmsgpack',
    '2.0.0-rc.1%2Bmsgpack',
    '2.0.0++msgpack',
  ]) {
    negotiates('MessagePack is V2', `vsn=${vsn}`, undefined)
  }
  negotiates('C1.17', 'vsn[]=2.0.0', undefined)
  negotiates('C1.18', 'vsn[a]=1', undefined)
  negotiates('C1.19', 'vsn=garbage&vsn=2.0.0', 'v2')
  negotiates('C1.19', 'vsn=2.0.0&vsn=garbage', undefined)

  it('gives a transport that brings clients only text a codec that packs nothing', () => {
    const codec = codecFor('2.0.0+msgpack', 'text')
    const push: Message = { joinRef: '1', ref: '2', topic: 't', event: 'e', payload: { n: 1 } }
    expect(codec?.decode(toArrayBuffer(encodeClientPush('msgpack', push)), true)).to.deep.equal(
      push,
    )
    expect(codec?.push(new Head('1', 't'), null, 'e', { n: 1 })).to.equal(
      '["1",null,"t","e",{"n":1}]',
    )
    for (const vsn of ['1.0.0', '2.0.0', '3.0.0']) {
      expect(codecFor(vsn, 'text')).to.equal(codecFor(vsn))
    }
  })
})
