import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  decodeEvent,
  decodeMessage,
  encodeEvent,
} from '../../../../channels/agent/store/redis-events.ts'

describe('an event in Redis', () => {
  it('comes back under its number, with its payload as it was', () => {
    const event = fc.string({ minLength: 1 }).filter((name) => !name.includes('\n'))
    const payload = fc.dictionary(fc.string(), fc.jsonValue())
    const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    const time = fc.nat({ max: Number.MAX_SAFE_INTEGER })
    fc.assert(
      fc.property(event, payload, seq, time, (name, body, number, at) => {
        const encoded = encodeEvent({ event: name, payload: body })
        const decoded = decodeEvent('epoch', number, encoded)
        const rest = JSON.stringify(body).slice(1)
        const json = `{"seq":${number}${rest === '}' ? '' : ','}${rest}`
        expect(decoded).to.deep.equal({ seq: number, epoch: 'epoch', event: name, json })
        const message = Buffer.from(`${number}-${at}\nepoch\n${encoded}`)
        const position = { epoch: 'epoch', seq: number, at }
        expect(decodeMessage(message)).to.deep.equal({ position, event: decoded })
      }),
    )
  })

  it('is not seen in what is none, whatever it is', () => {
    const strange = ['', '\n\n\n', '1-1', '1-1\n{}', '1-1\ne\n{}', '1-1\ne\n\n{}']
    const lists = ['1-1\ne\nhappened\n[]', 'epoch changed\n']
    const numbers = ['', '0', '-1', '01', '1.5', '1e3', ' 1', 'x', '99999999999999999']
    const ids = [...numbers.map((seq) => `${seq}-1`), '1', '1-', '1--1', '1-x', '1-1-1']
    const events = ids.map((id) => `${id}\ne\nhappened\n{}`)
    for (const text of [...strange, ...lists, ...events]) {
      expect(decodeMessage(Buffer.from(text)), text).to.equal(undefined)
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void decodeMessage(Buffer.from(bytes))))
  })
})
