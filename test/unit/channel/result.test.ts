import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Reply, Stop } from '../../../server/channel/result.ts'
import { error, noReply, ok, reply, stop } from '../../../server/index.ts'

describe('ok', () => {
  it('is an answer with status ok, an empty object and no assigns unless told', () => {
    expect(ok()).to.deep.include({ kind: 'ok', status: 'ok', response: {}, assigns: {} })
    expect(ok([1], { user: 'u' })).to.deep.include({ response: [1], assigns: { user: 'u' } })
    expect(ok(null)).to.include({ response: null })
  })
})

describe('error', () => {
  it('makes a string a reason, and leaves anything else as it is', () => {
    expect(error('no')).to.deep.include({ status: 'error', response: { reason: 'no' } })
    for (const response of [{ code: 7 }, null, 0, ['no'], { reason: 'no', more: 1 }]) {
      expect(error(response).response).to.equal(response)
    }
  })
})

describe('reply', () => {
  it('has any status, and is not taken for ok or error', () => {
    expect(reply('maybe', 1)).to.deep.include({ kind: 'custom', status: 'maybe', response: 1 })
    expect(reply('ok', 1).kind).to.equal('custom')
  })
})

describe('stop', () => {
  it('is normal and without an answer unless told', () => {
    expect(stop()).to.include({ reason: 'normal', reply: undefined, graceful: true })
    const answer = error('bye')
    expect(stop('boom', answer)).to.include({ reason: 'boom', reply: answer, graceful: false })
  })

  it('is graceful for normal and shutdown alone', () => {
    const reasons = ['normal', 'shutdown', 'Normal', '', 'shutdown ', '__proto__']
    expect(reasons.filter((reason) => stop(reason).graceful)).to.deep.equal(['normal', 'shutdown'])
  })
})

describe('results', () => {
  it('cannot be forged by anything that came as JSON', () => {
    for (const value of [ok(), error('no'), reply('maybe', 1), stop()]) {
      const copy: unknown = JSON.parse(JSON.stringify(value))
      expect(copy).to.not.be.instanceOf(Reply)
      expect(copy).to.not.be.instanceOf(Stop)
    }
    expect(JSON.stringify(noReply)).to.equal(undefined)
  })
})
