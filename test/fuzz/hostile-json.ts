/** JSON texts that hurt who trusts them, and texts that are none. */
import fc from 'fast-check'

/** Taken by JSON.parse; JSON.stringify refuses the deepest. */
const deep = (open: string, close: string, depth: number) =>
  `${open.repeat(depth)}1${close.repeat(depth)}`

const SMALL = [
  '{"__proto__":{"admin":true}}',
  '{"__proto__":null,"toString":1,"hasOwnProperty":2,"valueOf":3}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"toJSON":1,"then":1,"length":1e9}',
  '{"a":1,"a":2}',
  '{"topic":"a","topic":"b","event":"phx_join"}',
  '{"":{"":null}}',
  '"__proto__"',
  '"\\ud800"',
  '"\\udfff\\ud800 \\udc00"',
  '"\\u0000"',
  '"\\u202e\\ufeff\\u2028"',
  '1e400',
  '-1e400',
  '-0',
  '1e-400',
  '9007199254740993',
  '1'.repeat(400),
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '0',
  '1.5',
  '[[],[[]],{}]',
]

/** No JSON. */
const BROKEN = ['{"a":', '[1,', '"abc', 'NaN', 'undefined', "{'a':1}", '\ufeff{}', '']

const BIG = [
  deep('[', ']', 10_000),
  deep('{"a":', '}', 10_000),
  deep('[', ']', 100_000),
  '['.repeat(10_000),
  ...[1_000_000, 1_200_000, 2_200_000].map((length) => `"${'x'.repeat(length)}"`),
  `"${'\\ud800'.repeat(20_000)}"`,
  `[${'1,'.repeat(50_000)}1]`,
  `{${Array.from({ length: 10_000 }, (_, n) => `"k${n}":${n}`).join()}}`,
]

export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...SMALL) },
  { weight: 2, arbitrary: fc.constantFrom(...BROKEN) },
  { weight: 2, arbitrary: fc.constantFrom(...BIG) },
  { weight: 10, arbitrary: fc.json({ stringUnit: 'binary' }) },
)

/** JSON of `value`, with `text` in the place of one of the values in it, whatever that text is. */
export function spliced(value: unknown, at: number, text: string): string {
  const places: string[] = []
  JSON.stringify(value, (key, each: unknown) => {
    if (key !== '') places.push(key)
    return each
  })
  const place = at % Math.max(1, places.length)
  let seen = -1
  const json = JSON.stringify(value, (key, each: unknown) => {
    if (key === '') return each
    seen += 1
    return seen === place ? HOLE : each
  })
  return json.replace(JSON.stringify(HOLE), () => text)
}

const HOLE = '@hole@'
