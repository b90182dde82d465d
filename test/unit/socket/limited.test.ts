import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { ratePerSecond, TokenBucket } from '../../../server/limits/token-bucket.ts'
import { Limited, type SocketLimits } from '../../../server/socket/limited.ts'

/** A socket's limits, with a clock that the test turns. */
class Subject extends Limited {
  readonly clock: { now: number; looks: number }

  constructor(limits: Omit<SocketLimits, 'maxChannels' | 'now'>) {
    const clock = { now: 0, looks: 0 }
    const now = () => {
      clock.looks += 1
      return clock.now
    }
    super({ maxChannels: 100, ...limits, now })
    this.clock = clock
  }

  message = (): boolean => this.mayReceive()
  join = (channels = 0) => this.joinLimit(channels)
  joined = (): void => this.hasJoined()
  late = (): boolean => this.isLate(this.clock.now)
}

/** How often in a row it is allowed. */
function runOf(allowed: () => boolean, most = 100_000): number {
  let count = 0
  while (count < most && allowed()) count += 1
  return count
}

describe('a socket’s messages', () => {
  it('are as many as the burst, and a tenth more, at once', () => {
    const subject = new Subject({ messages: ratePerSecond(5_000) })
    expect(runOf(subject.message)).to.equal(11_000)
  })

  it('are as many as the rate says from then on', () => {
    const subject = new Subject({ messages: ratePerSecond(5_000) })
    runOf(subject.message)
    subject.clock.now += 1_000
    expect(runOf(subject.message)).to.equal(5_000)
    subject.clock.now += 1
    expect(runOf(subject.message)).to.equal(5)
  })

  it('are any number without a rate', () => {
    expect(runOf(new Subject({}).message)).to.equal(100_000)
  })

  it('look at the clock once for so many that a burst takes ten looks', () => {
    const subject = new Subject({ messages: ratePerSecond(5_000) })
    for (let n = 0; n < 10_000; n += 1) subject.message()
    expect(subject.clock.looks).to.be.at.most(10)
  })

  it('are never refused to a client that keeps to the rate, whenever it sends', () => {
    const rates = fc.integer({ min: 1, max: 50 }).map(ratePerSecond)
    const pauses = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 300 })
    fc.assert(
      fc.property(rates, pauses, (messages, gaps) => {
        const subject = new Subject({ messages })
        // What it may send, to the millisecond; a hair less, for a sum's rounding.
        const allowed = new TokenBucket({ ...messages, perSecond: messages.perSecond - 1e-6 }, 0)
        for (const gap of gaps) {
          subject.clock.now += gap
          if (allowed.take(subject.clock.now)) expect(subject.message()).to.equal(true)
        }
      }),
    )
  })

  it('are never more than a tenth of a burst over the rate', () => {
    const rates = fc.integer({ min: 1, max: 50 }).map(ratePerSecond)
    const pauses = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 300 })
    fc.assert(
      fc.property(rates, pauses, (messages, gaps) => {
        const subject = new Subject({ messages })
        let count = 0
        for (const gap of gaps) {
          subject.clock.now += gap
          count += runOf(subject.message)
        }
        const most = messages.burst + (subject.clock.now / 1_000) * messages.perSecond
        expect(count).to.be.at.most(most + Math.ceil(messages.burst / 10))
      }),
    )
  })
})

describe('a socket’s joins', () => {
  it('are refused while as many channels are joined as may be', () => {
    const subject = new Subject({})
    expect([99, 100, 99].map(subject.join)).to.deep.equal([undefined, 'socket_channels', undefined])
  })

  it('are counted by themselves, apart from its messages', () => {
    const subject = new Subject({ joins: ratePerSecond(10), messages: ratePerSecond(100) })
    expect(runOf(() => subject.join() === undefined)).to.equal(22)
    expect(subject.join()).to.equal('socket_joins')
    expect(subject.message()).to.equal(true)
    subject.clock.now += 100
    expect([subject.join(), subject.join()]).to.deep.equal([undefined, 'socket_joins'])
  })

  it('share what the node takes; one that is refused for its own sake takes nothing of it', () => {
    const nodeJoins = new TokenBucket({ perSecond: 1, burst: 30 }, 0)
    const [greedy, other] = [0, 1].map(() => new Subject({ joins: ratePerSecond(10), nodeJoins }))
    expect(runOf(() => greedy?.join() !== 'socket_joins', 50)).to.equal(22)
    greedy?.join()
    expect(runOf(() => other?.join() === undefined)).to.equal(8)
    expect(other?.join()).to.equal('node_joins')
  })
})

describe('a socket that has joined nothing', () => {
  it('is late when its time is over, and not before', () => {
    const subject = new Subject({ joinWithinMs: 50 })
    subject.clock.now = 50
    expect(subject.late()).to.equal(false)
    subject.clock.now = 51
    expect(subject.late()).to.equal(true)
  })

  it('is never late once it has joined something, or where there is no limit', () => {
    for (const subject of [new Subject({ joinWithinMs: 50 }), new Subject({})]) {
      subject.joined()
      subject.clock.now = 1e9
      expect(subject.late()).to.equal(false)
    }
    const unlimited = new Subject({ joinWithinMs: 0 })
    unlimited.clock.now = 1e9
    expect(unlimited.late()).to.equal(false)
  })
})
