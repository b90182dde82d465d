import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Binary, compileSchema } from '../../../server/index.ts'

describe('compileSchema', () => {
  it('tells the first problem, by JSON Pointer', () => {
    const check = compileSchema(T.Object({ a: T.Array(T.Object({ 'b/c~': T.Integer() })) }))
    expect(check({ a: [{ 'b/c~': 1 }] })).to.equal(undefined)
    expect(check({ a: [{ 'b/c~': 1 }, { 'b/c~': 1.5 }] })).to.deep.equal({
      path: '/a/1/b~1c~0',
      problem: 'must be integer',
    })
    expect(check([])).to.deep.equal({ path: '', problem: 'must be object' })
  })

  it('of a schema that says nothing takes everything', () => {
    for (const schema of [T.Any(), T.Unknown(), T.Any({ description: 'what you like' })]) {
      fc.assert(fc.property(fc.anything(), (value) => compileSchema(schema)(value) === undefined))
    }
  })

  it('of Binary takes bytes alone', () => {
    const check = compileSchema(Binary)
    for (const bytes of [new Uint8Array(0), Buffer.from('x')])
      expect(check(bytes)).to.equal(undefined)
    fc.assert(fc.property(fc.jsonValue(), (value) => check(value)?.problem === 'must be binary'))
    expect(check(new ArrayBuffer(1))).to.deep.equal({ path: '', problem: 'must be binary' })
  })

  it('of anything else takes no bytes, which are objects too', () => {
    for (const schema of [T.Object({}), T.Record(T.String(), T.Number()), T.Array(T.Number())]) {
      const problem = { path: '', problem: 'must not be binary' }
      expect(compileSchema(schema)(Uint8Array.of(1))).to.deep.equal(problem)
    }
  })

  it('never repeats a value that a client sent', () => {
    const check = compileSchema(
      T.Object(
        { kind: T.Union([T.Literal('a'), T.Literal('b')]), text: T.String({ maxLength: 3 }) },
        { additionalProperties: false },
      ),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9]{8,20}$/), (secret) => {
        for (const value of [
          { kind: secret, text: 'x' },
          { kind: 'a', text: secret },
          { kind: 'a', text: 'x', [secret]: secret },
          secret,
        ]) {
          expect(JSON.stringify(check(value)))
            .to.be.a('string')
            .that.does.not.contain(secret)
        }
      }),
    )
  })

  it('throws at once for what is no schema', () => {
    for (const schema of [{ type: 'nope' }, { tpye: 'object' }, T.Date(), { minimum: 'x' }]) {
      expect(() => compileSchema(schema as never)).to.throw()
    }
  })
})
