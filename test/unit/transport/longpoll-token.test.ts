import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  newNodeName,
  newSessionName,
  nodeOf,
  TOKEN_VALID_MS,
  Tokens,
} from '../../../server/transport/longpoll-token.ts'

describe('long-poll: tokens', () => {
  const node = newNodeName()
  const tokens = new Tokens(node)
  const now = Date.UTC(2026, 10, 23)

  it('name their session and their node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(), (bytes, at) => {
        const session = Buffer.from(bytes).toString('base64url')
        const token = tokens.sign(session, at)
        expect(token).to.match(/^[\w-]{88}$/)
        expect(tokens.verify(token, at)).to.equal(session)
        expect(nodeOf(token)).to.equal(node)
      }),
    )
  })

  it('are valid for two weeks', () => {
    const session = newSessionName()
    const token = tokens.sign(session, now)
    expect(TOKEN_VALID_MS).to.equal(1_209_600_000)
    expect(tokens.verify(token, now + TOKEN_VALID_MS - 1)).to.equal(session)
    expect(tokens.verify(token, now + TOKEN_VALID_MS)).to.equal(undefined)
    expect(tokens.verify(tokens.sign(session))).to.equal(session)
  })

  it('are none with another secret, even of a node with the same name', () => {
    const token = tokens.sign(newSessionName(), now)
    for (const other of [new Tokens(node), new Tokens(newNodeName())]) {
      expect(other.verify(token, now)).to.equal(undefined)
    }
    const [one, same] = [new Tokens(node, Buffer.from('key')), new Tokens(node, Buffer.from('key'))]
    expect(same.verify(one.sign('A'.repeat(22), now), now)).to.equal('A'.repeat(22))
  })

  it('are none when a single character is another one', () => {
    const token = tokens.sign(newSessionName(), now)
    const character = fc.constantFrom(
      ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= é',
    )
    fc.assert(
      fc.property(fc.nat(87), character, (at, other) => {
        fc.pre(token[at] !== other)
        const changed = token.slice(0, at) + other + token.slice(at + 1)
        expect(tokens.verify(changed, now)).to.equal(undefined)
      }),
    )
  })

  it('are nothing else than tokens, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(tokens.verify(text, now)).to.equal(undefined)
        expect(nodeOf(text)).to.equal(undefined)
      }),
    )
  })

  it('are of names that are new each time', () => {
    for (const [make, characters] of [
      [newSessionName, 22],
      [newNodeName, 16],
    ] as const) {
      const names = Array.from({ length: 100 }, make)
      expect(new Set(names).size).to.equal(100)
      expect(names.every((name) => name.length === characters)).to.equal(true)
    }
  })
})
