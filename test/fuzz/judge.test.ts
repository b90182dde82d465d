import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Attack } from './attacks.ts'
import { spliced } from './hostile-json.ts'
import { ServerBytes } from './server-bytes.ts'
import { shrink } from './shrink.ts'
import { encodeFrame, OPCODE } from './websocket-frames.ts'

const ATTACK: Attack = {
  marker: `c${'0'.repeat(16)}`,
  version: 'v2',
  kind: 'messages',
  parts: [],
  cuts: [],
  mayBeCut: false,
  mayCrash: false,
}
const OTHER = `c${'1'.repeat(16)}`
const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\n\r\n'

/** What the judge says of a server's bytes, come whole or one by one. */
function judge(...bytes: readonly (string | Uint8Array)[]): ServerBytes {
  const judged = new ServerBytes(ATTACK, new Set([OTHER]))
  for (const byte of Buffer.concat(bytes.map((each) => Buffer.from(each)))) {
    judged.take(Buffer.of(byte))
  }
  return judged
}

/** A server's frame is a client's without the mask. */
const frame = (opcode: number, payload: string | Uint8Array) =>
  encodeFrame({ opcode, payload: Buffer.from(payload), masked: false })
const text = (message: unknown) => frame(OPCODE.text, JSON.stringify(message))
const reply = (topic: string, response: object) =>
  text(['1', '2', topic, 'phx_reply', { status: 'error', response }])

describe('fuzz: the judge', () => {
  it('takes what a server may send', () => {
    const { messages, statuses, closeCode } = judge(
      'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}',
      UPGRADED,
      reply('room:a', { reason: 'unmatched topic' }),
      frame(OPCODE.pong, 'a'),
      frame(OPCODE.text, JSON.stringify(['1', null, 'a', 'b', { long: 'x'.repeat(300) }])),
      frame(OPCODE.close, Uint8Array.of(3, 0xf3)),
    )
    expect(statuses).to.deep.equal([404, 101])
    expect(messages.map(({ event }) => event)).to.deep.equal(['phx_reply', 'b'])
    expect(closeCode).to.equal(1011)
  })

  const WRONG = {
    'an answer that is no HTTP': ['HELLO\r\n\r\n'],
    'a status that nobody has documented': ['HTTP/1.1 418 Teapot\r\n\r\n'],
    'a masked frame': [UPGRADED, encodeFrame({ opcode: OPCODE.text, payload: Buffer.from('[]') })],
    'a reserved bit': [UPGRADED, Uint8Array.of(0xc1, 0)],
    'an unknown opcode': [UPGRADED, Uint8Array.of(0x83, 0)],
    'a message that is none': [UPGRADED, text({ topic: 'a' })],
    'bytes that are no text': [UPGRADED, frame(OPCODE.text, Uint8Array.of(0xff))],
    'a frame after the close frame': [
      UPGRADED,
      frame(OPCODE.close, Uint8Array.of(3, 0xf3)),
      frame(OPCODE.ping, ''),
    ],
    'what another client sent': [UPGRADED, text(['1', null, 'a', 'b', { text: OTHER }])],
    'an internal error': [UPGRADED, reply('agent:a', { success: false, code: 'internal' })],
    'a crashed join': [UPGRADED, reply('agent:a', { reason: 'join crashed' })],
    'a crash of the agent channel': [UPGRADED, text(['1', '1', 'agent:a', 'phx_error', {}])],
  } as const

  for (const [name, bytes] of Object.entries(WRONG)) {
    it(`refuses ${name}`, () => {
      expect(() => judge(...bytes)).to.throw()
    })
  }

  it('is left with the least that fails', async () => {
    const asked: number[] = []
    const fails = async (items: readonly number[]) => {
      asked.push(items.length)
      return items.includes(7) && items.includes(30)
    }
    const all = Array.from({ length: 40 }, (_, n) => n)
    expect(await shrink(all, fails)).to.deep.equal([7, 30])
    expect(asked).to.have.length.below(60)
  })

  it('splices a text into JSON, whatever it is', () => {
    const value = { a: [1, { b: 'c' }] }
    const texts = [0, 1, 2, 3, 4].map((at) => spliced(value, at, '$&'))
    const spots = ['{"a":$&}', '{"a":[$&,{"b":"c"}]}', '{"a":[1,$&]}', '{"a":[1,{"b":$&}]}']
    expect(texts).to.deep.equal([...spots, spots[0]])
  })
})
