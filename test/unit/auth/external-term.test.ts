import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Atom, BadTerm, decodeTerm, type Term, Tuple } from '../../../server/auth/external-term.ts'
import { atom, encodeCompressed, encodeTerm, tuple } from '../../support/phoenix-token.ts'

const hex = (text: string): Term => decodeTerm(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** Why bytes are no term. Any other error than the decoder's own is the test's failure. */
function problemOf(bytes: Uint8Array): string {
  try {
    decodeTerm(bytes)
  } catch (error) {
    if (error instanceof BadTerm) return error.message
    throw error
  }
  throw new Error('it is a term')
}

const bad = (text: string): string => problemOf(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** Nested so deep. */
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])

describe('decodeTerm (protocol 7.2)', () => {
  it('reads whole numbers of every size', () => {
    expect(hex('83 61 ff')).to.equal(255)
    expect(hex('83 62 ff ff ff fd')).to.equal(-3)
    expect(hex('83 6e 06 00 00 68 e5 cf 8b 01')).to.equal(1_700_000_000_000)
    expect(hex('83 6e 01 01 05')).to.equal(-5)
    expect(hex('83 6e 00 00')).to.equal(0)
    expect(hex('83 6f 00 00 00 09 00 00 00 00 00 00 00 00 00 01')).to.equal(2n ** 64n)
    expect(hex('83 6e 08 01 ff ff ff ff ff ff ff ff')).to.equal(1n - 2n ** 64n)
  })

  it('reads floats', () => {
    expect(hex('83 46 3f f8 00 00 00 00 00 00')).to.equal(1.5)
  })

  it('reads texts, and bytes that are none', () => {
    expect(hex('83 6d 00 00 00 03 61 c3 a9')).to.equal('aé')
    expect(hex('83 6d 00 00 00 00')).to.equal('')
    expect(hex('83 6d 00 00 00 01 ff')).to.deep.equal(Buffer.from([255]))
  })

  it('C7.6: reads atoms of old and new releases', () => {
    for (const text of ['64 0001 e9', '73 01 e9', '76 0002 c3a9', '77 02 c3a9']) {
      expect(hex(`83 ${text}`), text).to.deep.equal(new Atom('é'))
    }
    expect(hex('83 64 0003 6e696c')).to.equal(null)
    expect(hex('83 77 04 74727565')).to.equal(true)
    expect(hex('83 77 05 66616c7365')).to.equal(false)
  })

  it('reads tuples, lists and maps', () => {
    expect(hex('83 68 02 61 01 61 02')).to.deep.equal(new Tuple([1, 2]))
    expect(hex('83 69 00 00 00 01 6a')).to.deep.equal(new Tuple([[]]))
    expect(hex('83 6c 00 00 00 02 61 01 6a 6a')).to.deep.equal([1, []])
    expect(hex('83 74 00 00 00 01 61 01 6a')).to.deep.equal(new Map([[1, []]]))
  })

  it('C7.8: reads a list of small numbers, which is written as a string', () => {
    expect(hex('83 6b 00 03 01 02 ff')).to.deep.equal([1, 2, 255])
  })

  it('C7.7: inflates what is compressed, up to 64 KiB and no further than it says', () => {
    const long = 'a'.repeat(60_000)
    expect(decodeTerm(encodeCompressed(long))).to.equal(long)
    expect(problemOf(encodeCompressed('a'.repeat(66_000)))).to.equal('over 65536 bytes')
    expect(problemOf(encodeCompressed('a'.repeat(10_000_000), 100))).to.match(/no zlib stream/)
    expect(problemOf(encodeCompressed(long, 100))).to.equal('not of the size that it says')
    expect(bad('83 50 00 00 00 05 ff ff')).to.match(/no zlib stream/)
    expect(bad('83 50 00 00')).to.equal('it is cut short')
  })

  it('C7.9: refuses other kinds, bytes that follow, and what is cut short', () => {
    expect(bad('83 67')).to.equal('a term of kind 103')
    expect(bad('83 70 00')).to.equal('a term of kind 112')
    expect(bad('83 79 00')).to.equal('a term of kind 121')
    expect(bad('83 61 01 00')).to.equal('bytes follow the term')
    expect(bad('83 62 00 00')).to.equal('it is cut short')
    expect(bad('83')).to.equal('it is cut short')
    expect(bad('84 61 01')).to.equal('no term of version 131')
    expect(bad('')).to.equal('no term of version 131')
    expect(bad('83 6c 00 00 00 01 61 01 61 02')).to.equal('an improper list')
    expect(bad('83 46 7f f0 00 00 00 00 00 00')).to.equal('a float that is no number')
    expect(bad('83 77 01 ff')).to.equal('an atom that is not UTF-8')
  })

  it('C7.9: refuses what claims more than it has, and what is too deep or too big', () => {
    expect(bad('83 6c ff ff ff ff 61 01')).to.equal('it is cut short')
    expect(bad('83 74 ff ff ff ff')).to.equal('it is cut short')
    expect(bad('83 6f ff ff ff ff 00')).to.equal('an integer over 2048 bits')
    expect(bad('83 6d ff ff ff ff')).to.equal('it is cut short')
    expect(decodeTerm(encodeTerm(nested(32)))).to.be.an('array')
    expect(problemOf(encodeTerm(nested(33)))).to.equal('deeper than 32')
    expect(problemOf(Buffer.concat([Buffer.from([131]), Buffer.alloc(60_000, 104)]))).to.match(
      /deeper than 32|cut short/,
    )
  })

  it('reads back whatever Elixir can write', () => {
    const leaf = fc.oneof(
      fc.boolean(),
      fc.constant(null),
      fc.maxSafeInteger(),
      fc.double({ noInteger: true, noDefaultInfinity: true, noNaN: true }),
      fc.string({ unit: 'grapheme' }),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('value'), { maxLength: 5 }),
        fc.array(tie('value'), { maxLength: 5 }).map((items) => tuple(...items)),
        fc.string({ minLength: 1, maxLength: 20 }).map(atom),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 5 }),
      ),
    }))
    fc.assert(
      fc.property(value, (written) => {
        expect(decodeTerm(encodeTerm(written))).to.deep.equal(inJavaScript(written))
      }),
    )
  })

  it('throws nothing but its own error, whatever the bytes', () => {
    const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from([131, ...bytes]))
    const whole = encodeTerm(tuple({ sub: 'a', list: [1, 2 ** 40, -1.5] }, atom('x'), 2 ** 50))
    const mutated = fc
      .tuple(fc.nat(whole.byteLength - 1), fc.nat(255), fc.nat(whole.byteLength))
      .map(([at, byte, length]) => {
        const bytes = Buffer.from(whole.subarray(0, length))
        if (at < length) bytes[at] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(random, mutated), (bytes) => {
        try {
          decodeTerm(bytes)
        } catch (error) {
          expect(error).to.be.instanceOf(BadTerm)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

/** What the decoder makes of what the tests' encoder was given. */
function inJavaScript(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inJavaScript)
  if (typeof value !== 'object' || value === null) return value
  const { atom: name, tuple: items } = value as { atom?: unknown; tuple?: unknown }
  if (typeof name === 'string') return atomInJavaScript(name)
  if (Array.isArray(items)) return new Tuple(items.map(inJavaScript) as Term[])
  return new Map(Object.entries(value).map(([key, item]) => [key, inJavaScript(item)]))
}

const atomInJavaScript = (name: string): unknown =>
  name === 'nil' ? null : name === 'true' ? true : name === 'false' ? false : new Atom(name)
