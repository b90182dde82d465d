import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { PubSub } from '../../../server/pubsub/pubsub.ts'
import { OtherNodes } from '../../../server/transport/longpoll-nodes.ts'
import type { Ask, Done, Outcome } from '../../../server/transport/longpoll-outcome.ts'
import { linkedPubSubs } from '../../contract/linked-pubsub.ts'
import { within } from '../../support/deadline.ts'
import { Queue } from '../../support/queue.ts'

interface Asked {
  readonly ask: Ask
  readonly done: Done
}

describe('long-poll: requests of another node’s sessions', () => {
  const MESSAGES: Outcome = { kind: 'answer', status: 200, messages: '["a"]' }
  const POLL: Ask = { kind: 'poll', token: 'token' }
  const FIND: Ask = { kind: 'find', token: 'token' }
  const POST: Ask = { kind: 'post', token: 'token', body: Buffer.from('[]'), asLines: true }
  const queue = <T>() => new Queue<T>((value) => JSON.stringify(value))

  let pubsubs: readonly PubSub[]
  let near: OtherNodes
  let far: OtherNodes
  /** What the far node was asked, what of it was cancelled, and whose messages were lost. */
  let asked: Queue<Asked>
  let cancelled: Queue<string>
  let lost: Queue<string>
  /** What the near node's requests came to. */
  let outcomes: Queue<Outcome>

  beforeEach(() => {
    asked = queue()
    cancelled = queue()
    lost = queue()
    outcomes = queue()
    pubsubs = linkedPubSubs(2)
    const [here, there] = pubsubs as readonly [PubSub, PubSub]
    near = new OtherNodes(here, 'near', {
      ask: () => expect.fail('nobody asks the near node'),
      lose: () => expect.fail('nobody loses anything there'),
    })
    far = new OtherNodes(there, 'far', {
      ask(ask, done) {
        asked.push({ ask, done })
        return { cancel: () => cancelled.push(ask.token), withinMs: 10_000 }
      },
      lose: (token) => lost.push(token),
    })
  })
  afterEach(async () => {
    near.close()
    far.close()
    await Promise.all(pubsubs.map((each) => each.close()))
  })

  const ask = (what: Ask, node = 'far') => near.ask(node, what, (outcome) => outcomes.push(outcome))

  it('come to it as they are, and so do its answers', async () => {
    for (const [what, outcome] of [
      [POLL, MESSAGES],
      [POST, { kind: 'answer', status: 408 }],
      [FIND, { kind: 'answer', status: 200 }],
      [POLL, { kind: 'gone' }],
    ] as const) {
      ask(what)
      const { ask: passed, done } = await asked.next()
      expect(passed).to.deep.equal(what)
      done(outcome)
      expect(await outcomes.next()).to.deep.equal(outcome)
    }
  })

  it('are none where the node is not there, or dies before it answers', async () => {
    ask(POLL, 'nowhere')
    expect(await outcomes.next()).to.deep.equal({ kind: 'none' })
    ask(POLL)
    await asked.next()
    far.close()
    expect(await outcomes.next()).to.deep.equal({ kind: 'none' })
    expect(cancelled.all).to.deep.equal(['token'])
  })

  it('are none where the node is there, but says nothing', async () => {
    await pubsubs[1]?.subscribe('phx:lp:mute', () => undefined)
    ask(POLL, 'mute')
    expect(await outcomes.next()).to.deep.equal({ kind: 'none' })
  })

  it('are given up there when their client goes away', async () => {
    const pending = ask(POLL)
    await asked.next()
    pending?.cancel()
    expect(await cancelled.next()).to.equal('token')
    expect(outcomes.all).to.deep.equal([])
  })

  it('end their session where messages come for a client that has gone', async () => {
    const pending = ask(POLL)
    const { done } = await asked.next()
    // Both are on their way at once.
    pending?.cancel()
    done(MESSAGES)
    expect(await lost.next()).to.equal('token')
    expect(outcomes.all).to.deep.equal([])
  })

  it('are sent elsewhere while this node goes away, with what is on its way to them', async () => {
    ask(POLL)
    ask(POLL)
    const [first] = [await asked.next(), await asked.next()]
    const draining = near.drain(5_000)
    first.done(MESSAGES)
    await draining
    expect(outcomes.all).to.have.deep.members([
      MESSAGES,
      { kind: 'answer', status: 204, messages: '[]' },
    ])
    ask(POLL)
    expect(outcomes.all.at(-1)).to.deep.equal({ kind: 'answer', status: 204, messages: '[]' })
    expect(asked.all).to.have.length(2)
  })

  it('do not hold up this node’s end', async () => {
    ask(POST)
    await asked.next()
    await within(near.drain(0), 5_000, 'the end')
    expect(await outcomes.next()).to.deep.equal({ kind: 'none' })
  })
})
