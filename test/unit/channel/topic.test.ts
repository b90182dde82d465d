import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { compileTopic } from '../../../server/channel/topic.ts'

describe('compileTopic', () => {
  it('of an exact pattern matches that topic alone (C3.13)', () => {
    const { match } = compileTopic('lobby')
    expect(match('lobby')).to.equal('')
    for (const topic of ['', 'lobb', 'lobby2', 'lobby:', 'Lobby', ' lobby']) {
      expect(match(topic), topic).to.equal(undefined)
    }
  })

  it('of a prefix gives what stands for the star (C3.12)', () => {
    const { match } = compileTopic('room:*')
    expect(match('room:1')).to.equal('1')
    expect(match('room:')).to.equal('')
    expect(match('room:a:*')).to.equal('a:*')
    for (const topic of ['room', 'rooms:1', 'a room:1', 'Room:1']) {
      expect(match(topic), topic).to.equal(undefined)
    }
  })

  it('of a star alone matches everything', () => {
    fc.assert(fc.property(fc.string(), (topic) => compileTopic('*').match(topic) === topic))
  })

  it('of a star matches no topic that nodes pass long-poll requests on', () => {
    for (const pattern of ['*', 'phx:*', 'phx:lp:*']) {
      expect(compileTopic(pattern).match('phx:lp:AAAABBBBCCCCDDDD'), pattern).to.equal(undefined)
    }
    expect(compileTopic('phx:*').match('phx:lp')).to.equal('lp')
  })

  it('matches a topic if and only if it begins with the prefix', () => {
    const text = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', ':', '.', '$', '(') })
    fc.assert(
      fc.property(text, text, text, (prefix, other, rest) => {
        const { match } = compileTopic(`${prefix}*`)
        expect(match(prefix + rest)).to.equal(rest)
        if (!(other + rest).startsWith(prefix)) expect(match(other + rest)).to.equal(undefined)
      }),
    )
  })

  it('takes every other character as itself', () => {
    for (const pattern of ['a.c', 'a?', '[a]', 'a|b', '^a$', '__proto__', '', 'é']) {
      expect(compileTopic(pattern).match(pattern)).to.equal('')
      expect(compileTopic(pattern).match('abc')).to.equal(undefined)
    }
  })

  it('refuses a star anywhere but at the end, and says where it may stand (C3.15)', () => {
    for (const pattern of ['*:a', 'a*b', 'a:*:b', '**', '*a']) {
      expect(() => compileTopic(pattern), pattern).to.throw(TypeError, /only at the end.*"room:\*"/)
    }
  })
})
