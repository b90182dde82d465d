import { expect } from 'chai'
import { describe, it } from 'mocha'
import { CLOSE } from '../../../server/protocol/close.ts'

const codes = Object.values(CLOSE).map(({ code }): number => code)

/** Codes of RFC 6455 that a peer can see (1004 and 1005 say nothing), and the range for applications. */
const isLegal = (code: number) =>
  (code >= 1001 && code <= 1014 && code !== 1004 && code !== 1005) || (code >= 4000 && code <= 4999)

describe('the close codes', () => {
  it('leave out 1000, after which phoenix.js up to 1.8.15 does not come back (C1.93)', () => {
    expect(codes).not.to.include(1000)
  })

  it('tell every reason from the others', () => {
    expect(new Set(codes).size).to.equal(codes.length)
  })

  it('are codes that WebSocket has for errors or leaves to applications', () => {
    for (const code of codes) expect(isLegal(code), String(code)).to.equal(true)
  })

  it('say when each is used', () => {
    for (const { when } of Object.values(CLOSE)) expect(when).to.match(/\w+ \w+/)
  })
})
