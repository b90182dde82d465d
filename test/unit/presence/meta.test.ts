import { expect } from 'chai'
import { describe, it } from 'mocha'
import { createMeta } from '../../../server/presence/meta.ts'

describe('a phx_ref', () => {
  it('is 16 characters of url-safe base64, and never given twice (C5.29)', () => {
    const refs = Array.from({ length: 100_000 }, () => createMeta({}).phx_ref)
    expect(new Set(refs).size).to.equal(refs.length)
    expect(refs.filter((ref) => !/^[\w-]{16}$/.test(ref))).to.deep.equal([])
  })

  it('is the server’s to give, whatever the app puts there', () => {
    const first = createMeta({ phx_ref: 'mine', a: 1 })
    expect(first.phx_ref).not.to.equal('mine')
    expect(createMeta(first, first).phx_ref_prev).to.equal(first.phx_ref)
  })
})
