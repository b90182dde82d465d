import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Cursor, type Verdict } from '../../../client/agent/cursor.ts'

const answer = (epoch: string, seq: number, recovered?: boolean) =>
  ({
    success: true,
    message: '',
    operatorId: 'o1',
    timestamp: '2026-03-01T12:00:00.000Z',
    epoch,
    seq,
    ...(recovered !== undefined && { recovered }),
  }) as const

/** A cursor of which the first authentication found the session at `seq`. */
function at(seq: number): Cursor {
  const cursor = new Cursor()
  cursor.authenticated(answer('e1', seq))
  return cursor
}

const verdicts = (cursor: Cursor, ...seqs: readonly number[]): readonly Verdict[] =>
  seqs.map((seq) => cursor.accept(seq))

describe('the cursor of a client', () => {
  it('has no position, and delivers nothing, before the first authentication', () => {
    const cursor = new Cursor()
    expect(cursor.position).to.equal(undefined)
    expect(cursor.accept(1)).to.equal('drop')
  })

  it('counts from the number of the first authentication', () => {
    const cursor = at(7)
    expect(cursor.position).to.deep.equal({ epoch: 'e1', lastSeq: 7 })
    expect(verdicts(cursor, 8, 9)).to.deep.equal(['deliver', 'deliver'])
    expect(cursor.position).to.deep.equal({ epoch: 'e1', lastSeq: 9 })
  })

  it('counts the events while a replay runs, whatever number came with the authentication', () => {
    const cursor = at(2)
    expect(cursor.authenticated(answer('e1', 9, true))).to.equal(true)
    expect(cursor.position).to.deep.equal({ epoch: 'e1', lastSeq: 2 })
    expect(verdicts(cursor, 3, 4)).to.deep.equal(['deliver', 'deliver'])
  })

  it('drops what it has delivered', () => {
    expect(verdicts(at(3), 1, 3, 4, 4, 3)).to.deep.equal([
      'drop',
      'drop',
      'deliver',
      'drop',
      'drop',
    ])
  })

  it('goes on from where an earlier one was', () => {
    const cursor = new Cursor({ epoch: 'e1', lastSeq: 4 })
    expect(cursor.authenticated(answer('e1', 6, true))).to.equal(true)
    expect(verdicts(cursor, 5, 6)).to.deep.equal(['deliver', 'deliver'])
  })

  it('says that events are lost, and takes the first one that is kept, whichever it is', () => {
    const cursor = at(9)
    expect(cursor.authenticated(answer('e2', 40, false))).to.equal(false)
    expect(cursor.position).to.deep.equal({ epoch: 'e2', lastSeq: 0 })
    expect(verdicts(cursor, 5, 6, 8)).to.deep.equal(['deliver', 'deliver', 'resync'])
  })

  it('asks once for what is missing, and drops what comes until that is answered', () => {
    const cursor = at(1)
    expect(verdicts(cursor, 3, 4, 6)).to.deep.equal(['resync', 'drop', 'drop'])
    cursor.authenticated(answer('e1', 6, true))
    expect(verdicts(cursor, 2, 3)).to.deep.equal(['deliver', 'deliver'])
    expect(verdicts(cursor, 5)).to.deep.equal(['resync'])
  })

  it('goes on without what is missing where the server does not have it either', () => {
    const cursor = at(1)
    expect(verdicts(cursor, 3)).to.deep.equal(['resync'])
    cursor.authenticated(answer('e1', 3, true))
    expect(verdicts(cursor, 3, 4, 6)).to.deep.equal(['lost', 'deliver', 'resync'])
  })

  it('lets every event through once, in order, however the wire repeats and drops them', () => {
    const faults = fc.array(fc.record({ back: fc.nat(3), skip: fc.nat(3) }), { maxLength: 60 })
    fc.assert(
      fc.property(faults, (turns) => {
        const cursor = at(0)
        const delivered: number[] = []
        let next = 1
        const send = (): void => {
          const verdict = cursor.accept(next)
          expect(verdict).to.not.equal('lost')
          if (verdict === 'deliver') delivered.push(next)
          next += 1
          if (verdict !== 'resync') return
          // The server's answer: it goes on behind what the client says it has.
          cursor.authenticated(answer('e1', next, true))
          next = (cursor.position?.lastSeq ?? 0) + 1
          send()
        }
        for (const { back, skip } of turns) {
          next = Math.max(1, next - back) + skip
          send()
        }
        expect(delivered).to.deep.equal(delivered.map((_, index) => index + 1))
      }),
    )
  })
})
