import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Reply } from '../../../server/channel/result.ts'
import type { AnySocket } from '../../../server/channel/types.ts'
import { Binary, defineChannel, defineSocket, error, ok } from '../../../server/index.ts'

/** Handlers of these tests look at nothing but what they are given. */
const socket = {} as AnySocket

/** Definitions as JavaScript would write them, right or wrong. */
const define = (topic: string, definition: object) =>
  defineChannel(topic, definition as Parameters<typeof defineChannel>[1])

const join = () => ok()
const Text = T.Object({ text: T.String() })

describe('defineChannel', () => {
  describe('refuses, in a TypeError that names the channel and what to do,', () => {
    const wrong: Readonly<Record<string, readonly [topic: string, object, RegExp]>> = {
      'a pattern with a star in the middle': ['a:*:b', { join }, /"a:\*:b".*only at the end/],
      'a channel without join': ['a:*', {}, /"a:\*".*join\(socket, params\) is missing/],
      'a join that is no function': ['a:*', { join: true }, /"a:\*".*join.*is missing/],
      'a declared event without handler': [
        'a:*',
        { join, in: { say: { payload: Text } } },
        /"a:\*".*"say" has no handler in handleIn/,
      ],
      'a handler that only Object.prototype has': [
        'a:*',
        { join, in: { toString: { payload: Text } }, handleIn: {} },
        /"toString" has no handler/,
      ],
      'a handler that is no function': [
        'a:*',
        { join, in: { say: { payload: Text } }, handleIn: { say: 'hello' } },
        /"say" has no handler/,
      ],
      'a handler of an undeclared event': [
        'a:*',
        { join, in: { say: { payload: Text } }, handleIn: { say: join, sya: join } },
        /"a:\*".*handleIn has "sya", which `in` does not declare/,
      ],
      'an intercepting handler that is no function': [
        'a:*',
        { join, handleOut: { news: true } },
        /"a:\*".*handleOut.*"news"/,
      ],
      'a schema of params that is none': [
        'a:*',
        { join, params: { type: 'nope' } },
        /"a:\*".*params/,
      ],
      'a schema of an event that is none': [
        'a:*',
        { join, in: { say: { payload: { tpye: 'object' } } }, handleIn: { say: join } },
        /"a:\*".*"say".*tpye/,
      ],
    }
    for (const [what, [topic, definition, message]] of Object.entries(wrong)) {
      it(what, () => {
        expect(() => define(topic, definition)).to.throw(TypeError, message)
      })
    }
  })

  it('gives a channel that any JSON may join, and that hears its topic, unless told', () => {
    const channel = defineChannel('a:*', { join: (_socket, params) => ok({ params }) })
    expect(channel).to.include({ topic: 'a:*', autoSubscribe: true })
    expect(channel.assigns).to.deep.equal({})
    expect(channel.intercepts.size).to.equal(0)
    for (const params of [null, 1, 'text', [], { a: 1 }]) {
      expect(channel.join(socket, params)).to.deep.include({ response: { params } })
    }
  })

  it('intercepts the events that handleOut names, and no others', () => {
    const channel = defineChannel('a:*', {
      out: { news: Text, other: Text },
      join,
      handleOut: { news: (_socket, { text }) => void text },
    })
    expect([...channel.intercepts]).to.deep.equal(['news'])
    expect(channel.handleOut(socket, 'other', {})).to.equal(undefined)
    expect(channel.handleOut(socket, 'toString', {})).to.equal(undefined)
  })
})

describe('a declared event', () => {
  const channel = defineChannel('a:*', {
    params: T.Object({ token: T.String() }),
    in: {
      say: { payload: Text, reply: Text },
      bytes: { payload: Binary },
      any: { payload: T.Any() },
    },
    join: (_socket, { token }) => ok({ token }),
    handleIn: {
      say: (_socket, { text }) => ok({ text }),
      bytes: () => undefined,
      any: () => undefined,
    },
  })
  const reasonOf = (result: unknown) => {
    expect(result).to.be.instanceOf(Reply)
    const { status, response } = result as Reply<'error', { reason: string }>
    expect(status).to.equal('error')
    return response.reason
  }

  it('reaches its handler with a payload that its schema takes', () => {
    const answer = channel.handleIn(socket, 'say', { text: 'hi', more: 1 })
    expect(answer).to.deep.include({ status: 'ok', response: { text: 'hi' } })
  })

  it('is answered with what is wrong, and never with what was sent', () => {
    const secret = 'se"cret'
    for (const [payload, problem] of [
      [{ text: { [secret]: secret } }, '/text must be string'],
      [{}, "must have required property 'text'"],
      [secret, 'must be object'],
      [null, 'must be object'],
      [new Uint8Array(3), 'must not be binary'],
    ] as const) {
      const reason = reasonOf(channel.handleIn(socket, 'say', payload))
      expect(reason).to.equal(`invalid payload: ${problem}`)
      expect(reason).to.not.contain(secret)
    }
  })

  it('of bytes takes bytes alone; one of anything takes bytes too', () => {
    expect(channel.handleIn(socket, 'bytes', Buffer.from('x'))).to.equal(undefined)
    for (const payload of [{}, 'text', [1], null]) {
      const reason = reasonOf(channel.handleIn(socket, 'bytes', payload))
      expect(reason).to.equal('invalid payload: must be binary')
    }
    expect(channel.handleIn(socket, 'any', Buffer.from('x'))).to.equal(undefined)
  })

  it('takes a payload as it is: nothing is coerced, filled in or taken out', () => {
    const seen: unknown[] = []
    const exact = defineChannel('a:*', {
      in: { say: { payload: T.Object({ n: T.Number({ default: 7 }) }) } },
      join,
      handleIn: { say: (_socket, payload) => void seen.push(payload) },
    })
    expect(reasonOf(exact.handleIn(socket, 'say', { n: '1' }))).to.match(/must be number/)
    expect(reasonOf(exact.handleIn(socket, 'say', {}))).to.match(/required property 'n'/)
    exact.handleIn(socket, 'say', { n: 1, extra: true })
    expect(seen).to.deep.equal([{ n: 1, extra: true }])
  })

  it('of the join is refused the same way', () => {
    expect(channel.join(socket, { token: 't' })).to.deep.include({ response: { token: 't' } })
    expect(reasonOf(channel.join(socket, {}))).to.match(/required property 'token'/)
  })
})

describe('handleInvalid', () => {
  const seen: unknown[] = []
  const channel = defineChannel('a:*', {
    params: Text,
    in: { say: { payload: Text } },
    join,
    handleIn: { say: () => undefined },
    handleInvalid(_socket, message) {
      seen.push(message)
      return error({ code: 'invalid' })
    },
  })

  it('answers instead, for events and joins, and is told what was wrong', () => {
    expect(channel.handleIn(socket, 'say', { text: 1 })).to.deep.include({
      response: { code: 'invalid' },
    })
    expect(channel.join(socket, [])).to.deep.include({ response: { code: 'invalid' } })
    expect(seen).to.deep.equal([
      { event: 'say', payload: { text: 1 }, problem: { path: '/text', problem: 'must be string' } },
      { event: 'phx_join', payload: [], problem: { path: '', problem: 'must be object' } },
    ])
  })
})

describe('an event that is not declared', () => {
  const HOSTILE: readonly unknown[] = [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'join',
    'handleIn',
    'terminate',
    '',
    null,
    7,
    {},
    ['say'],
    { toString: 'say' },
  ]

  it('goes to catchAll, as it is', () => {
    const seen: unknown[] = []
    const channel = defineChannel('a:*', {
      in: { say: { payload: Text } },
      join,
      handleIn: { say: () => undefined },
      catchAll: (_socket, event, payload) => void seen.push([event, payload]),
    })
    for (const event of HOSTILE) channel.handleIn(socket, event, { n: 1 })
    expect(seen).to.deep.equal(HOSTILE.map((event) => [event, { n: 1 }]))
  })

  it('throws without catchAll, whatever its name', () => {
    const channel = defineChannel('a:*', {
      in: { say: { payload: Text } },
      join,
      handleIn: { say: () => undefined },
    })
    for (const event of HOSTILE) {
      expect(() => channel.handleIn(socket, event, {}), String(JSON.stringify(event))).to.throw(
        /no handler for event/,
      )
    }
  })

  it('does not hinder one that is declared under such a name', () => {
    const names = ['__proto__', 'constructor', 'toString', 'join']
    const of = (value: unknown) => Object.fromEntries(names.map((name) => [name, value]))
    const channel = define('a:*', {
      join,
      in: of({ payload: Text }),
      handleIn: of(() => ok('yes')),
    })
    for (const name of names) {
      const answer = channel.handleIn(socket, name, { text: 'x' })
      expect(answer, name).to.deep.include({ response: 'yes' })
    }
  })
})

describe('defineSocket', () => {
  const named = (topic: string) => defineChannel(topic, { join })

  it('finds the first channel whose pattern matches (C3.14)', () => {
    const { channelFor } = defineSocket({
      channels: ['food*', 'foo*', 'exact'].map(named),
    })
    expect(channelFor('food:1')?.channel.topic).to.equal('food*')
    expect(channelFor('foo:1')?.channel.topic).to.equal('foo*')
    expect(channelFor('exact')).to.include({ subtopic: '' })
    for (const topic of ['fo', 'exactly', '', '__proto__', 'constructor']) {
      expect(channelFor(topic), topic).to.equal(undefined)
    }
  })

  it('lets everybody in without connect', () => {
    const { connect } = defineSocket({ channels: [named('a')] })
    expect(connect({}, {})).to.deep.equal({ accept: { assigns: {}, id: null } })
  })

  it('refuses what is no list of channels, and says so', () => {
    for (const channels of [undefined, null, {}, named('a'), 'a']) {
      expect(() => defineSocket({ channels } as never)).to.throw(TypeError, /list of channels/)
    }
    for (const channel of [undefined, {}, 'a:*', () => named('a')]) {
      expect(() => defineSocket({ channels: [channel] } as never)).to.throw(
        TypeError,
        /defineChannel/,
      )
    }
  })
})
