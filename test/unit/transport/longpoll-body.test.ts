import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { isNdjson, MAX_LINES, readMessages } from '../../../server/transport/longpoll-body.ts'

describe('long-poll: bodies', () => {
  const read = (body: string | Uint8Array, asLines = true) =>
    readMessages(Buffer.from(body as string), asLines)?.map(({ data, isBinary }) =>
      isBinary ? new Uint8Array(data) : Buffer.from(data).toString(),
    )

  describe('ndjson', () => {
    const json = fc.array(fc.jsonValue()).map((value) => JSON.stringify(value))
    const bytes = fc.uint8Array({ minLength: 1 })
    const message = fc.oneof(json, bytes)
    const newline = fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\n\r\n')
    const encoded = (each: string | Uint8Array) =>
      typeof each === 'string' ? each : Buffer.from(each).toString('base64')

    it('gives back what was put into lines, whatever ends them', () => {
      fc.assert(
        fc.property(
          fc.array(message, { minLength: 1, maxLength: 20 }),
          newline,
          fc.constantFrom('', '\n', '\r\n'),
          (messages, between, end) => {
            const body = messages.map(encoded).join(between) + end
            expect(read(body)).to.deep.equal(messages)
          },
        ),
      )
    })

    it('is looked at up to a hundred messages, empty lines not counted', () => {
      const lines = Array.from({ length: 250 }, (_, n) => `[${n}]`)
      expect(read(lines.join('\n\n'))).to.deep.equal(lines.slice(0, MAX_LINES))
      expect(read(`${lines.slice(0, MAX_LINES).join('\n')}\n!`)).to.have.length(MAX_LINES)
      expect(read(`${lines.slice(0, MAX_LINES - 1).join('\n')}\n!`)).to.equal(undefined)
    })

    it('of empty lines alone is no message; of nothing at all is one, as in Phoenix', () => {
      for (const body of ['\n', '\r\n', '\n\n\r\n']) expect(read(body)).to.deep.equal([])
      expect(read('')).to.deep.equal([''])
    })

    it('with a line that is neither JSON nor base64 is nothing', () => {
      for (const line of [
        '!',
        'A',
        'AA',
        'AAA',
        'AA=A',
        'AAAA=',
        '=',
        'AA-_',
        ' [1]',
        '{"a":1}',
        'é',
      ]) {
        expect(read(`[1]\n${line}\n[2]`), JSON.stringify(line)).to.equal(undefined)
      }
    })

    it('is cut into lines by their bytes: what is no UTF-8 stays as it is', () => {
      const body = Buffer.of(0x5b, 0xff, 0x5d, 0x0a, 0x5b, 0x5d)
      const [first] = readMessages(body, true) ?? []
      expect(Buffer.from(first?.data ?? new ArrayBuffer(0))).to.deep.equal(
        Buffer.of(0x5b, 0xff, 0x5d),
      )
    })

    it('never throws, and never gives more than it got', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 500 }), fc.boolean(), (body, asLines) => {
          const messages = readMessages(Buffer.from(body), asLines) ?? []
          const size = messages.reduce((sum, { data }) => sum + data.byteLength, 0)
          expect(size).to.be.at.most(body.length)
        }),
      )
    })
  })

  it('of another type are one message, whatever is in them', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const messages = readMessages(Buffer.from(body), false) ?? []
        expect(messages).to.have.length(1)
        expect(messages[0]?.isBinary).to.equal(false)
        expect(Buffer.from(messages[0]?.data ?? new ArrayBuffer(0))).to.deep.equal(
          Buffer.from(body),
        )
      }),
    )
  })

  it('are ndjson by their media type, parameters and case ignored', () => {
    for (const type of [
      'application/x-ndjson',
      'Application/X-NDJSON',
      ' application/x-ndjson ;charset=utf-8',
    ]) {
      expect(isNdjson(type), type).to.equal(true)
    }
    for (const type of [
      undefined,
      '',
      'application/json',
      'application/x-ndjsonx',
      'text/plain; application/x-ndjson',
    ]) {
      expect(isNdjson(type), type).to.equal(false)
    }
  })
})
