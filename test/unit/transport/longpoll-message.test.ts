import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Broadcast } from '../../../server/protocol/broadcast.ts'
import {
  decode,
  encode,
  type NodeMessage,
  topicOf,
} from '../../../server/transport/longpoll-message.ts'

describe('long-poll: what nodes tell each other', () => {
  const id = fc.nat()
  const from = fc.stringMatching(/^[\w-]{16}$/)
  const token = fc.string({ unit: 'grapheme' })
  const body = fc.uint8Array().map((bytes) => Buffer.from(bytes))
  const status = fc.constantFrom(200, 204, 400, 408, 410, 500)
  const messages = fc.array(fc.string({ unit: 'grapheme' })).map((all) => JSON.stringify(all))
  const outcome = fc.oneof(
    fc.record({ kind: fc.constant('answer'), status }),
    fc.record({ kind: fc.constant('answer'), status, messages }),
    fc.record({ kind: fc.constantFrom('gone', 'none') }),
  )
  const message = fc.oneof(
    fc.record({
      kind: fc.constant('ask'),
      id,
      from,
      ask: fc.oneof(
        fc.record({ kind: fc.constantFrom('poll', 'find'), token }),
        fc.record({ kind: fc.constant('post'), token, body, asLines: fc.boolean() }),
      ),
    }),
    fc.record({ kind: fc.constant('cancel'), id, from }),
    fc.record({ kind: fc.constant('taken'), id, withinMs: fc.nat() }),
    fc.record({ kind: fc.constant('outcome'), id, outcome }),
    fc.record({ kind: fc.constant('lost'), token }),
  ) as fc.Arbitrary<NodeMessage>

  it('is understood as it was meant, on the other node’s topic', () => {
    fc.assert(
      fc.property(message, (meant) => {
        const broadcast = encode('AAAABBBBCCCCDDDD', meant)
        expect(broadcast.topic)
          .to.equal(topicOf('AAAABBBBCCCCDDDD'))
          .and.equal('phx:lp:AAAABBBBCCCCDDDD')
        expect(decode(broadcast)).to.deep.equal(meant)
      }),
    )
  })

  it('is not understood otherwise, and nothing throws', () => {
    const kinds = fc.constantFrom('ask', 'cancel', 'taken', 'outcome', 'lost', 'other')
    const heads = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .dictionary(
          fc.constantFrom(
            'id',
            'from',
            'ask',
            'token',
            'asLines',
            'withinMs',
            'status',
            'isPoll',
            '__proto__',
          ),
          fc.constantFrom(null, 'x', -1, true, [], {}),
        )
        .map((head) => JSON.stringify(head)),
    )
    fc.assert(
      fc.property(kinds, heads, fc.boolean(), (event, head, hasEnd) => {
        const bytes = Buffer.from(head + (hasEnd ? '\n' : ''))
        const decoded = decode(new Broadcast('t', event, bytes))
        if (decoded) expect(decoded.kind).to.equal(event)
        if (!bytes.includes(0x0a)) expect(decoded).to.equal(undefined)
      }),
    )
    for (const payload of [{}, 'text', null, Buffer.of(0x0a), Buffer.from('{"id":1}\n')]) {
      expect(decode(new Broadcast('t', 'ask', payload))).to.equal(undefined)
    }
  })
})
