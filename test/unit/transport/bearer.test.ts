import { expect } from 'chai'
import { describe, it } from 'mocha'
import { bearerCheck } from '../../../server/transport/bearer.ts'
import { withHeaders } from './upgrade-request.ts'

const TOKEN = 'a-token-of-16-or-more'

describe('bearerCheck', () => {
  const isAllowed = bearerCheck(TOKEN)
  const given = (authorization: string) => isAllowed(withHeaders(['authorization', authorization]))

  it('lets in who shows the token, and nobody else', () => {
    expect(given(`Bearer ${TOKEN}`)).to.equal(true)
    expect(given(`bearer  ${TOKEN}`)).to.equal(true)
    const others = ['', 'Bearer', 'Bearer ', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]
    for (const other of [...others, `Bearer Bearer ${TOKEN}`, `Bearer ${TOKEN.slice(1)}`]) {
      expect(given(other), other).to.equal(false)
    }
    expect(isAllowed(withHeaders())).to.equal(false)
  })

  it('lets nobody in by the second of two headers', () => {
    const headers = [
      ['authorization', 'Bearer x'],
      ['authorization', `Bearer ${TOKEN}`],
    ] as const
    expect(isAllowed(withHeaders(...headers))).to.equal(false)
  })
})
