/** Connect params from a query string, by the rules of Plug.Conn.Query (protocol 1.3). */

type ParamValue = string | Params | readonly ParamValue[]

/** Decoded params: leaves are strings, objects have no prototype, so that every key is an ordinary one. */
export interface Params {
  readonly [key: string]: ParamValue
}

/** A query that cannot be decoded, or is out of bounds: 400. The only thing that `parseParams` throws. */
export class BadQuery extends Error {
  override readonly name = 'BadQuery'
}

const MAX_PAIRS = 1_000
const MAX_DEPTH = 32

/** One step into the nesting: a key, or null for `[]`. */
type Segment = string | null
type Entry = string | Level

/** One level of nesting while it is being read: whether it is a list or a map, its last entry decides. */
class Level {
  readonly #children = new Map<Segment, Level>()
  readonly #named = new Map<string, Entry>()
  readonly #items: Entry[] = []
  #isList = false

  add(segment: Segment, entry: Entry): void {
    this.#isList = segment === null
    if (segment === null) this.#items.push(entry)
    else this.#named.set(segment, entry)
  }

  /** The level below. It takes its place among the entries where it is first mentioned. */
  child(segment: Segment): Level {
    const known = this.#children.get(segment)
    if (known) return known
    const child = new Level()
    this.#children.set(segment, child)
    this.add(segment, child)
    return child
  }

  toParams(): Params {
    const params: Record<string, ParamValue> = Object.create(null)
    for (const [key, entry] of this.#named) params[key] = toValue(entry)
    return params
  }

  toValue(): ParamValue {
    return this.#isList ? this.#items.map(toValue) : this.toParams()
  }
}

const toValue = (entry: Entry): ParamValue => (entry instanceof Level ? entry.toValue() : entry)

/** Percent sequences and `+`. What is malformed or no UTF-8 is refused, as `decodeURIComponent` does. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new BadQuery('the query is not percent-encoded UTF-8')
  }
}

/** `a[b][]` is a, b, null; a key that does not end in `]`, or begins with `[`, is one segment. */
function pathOf(key: string): readonly [string, ...Segment[]] {
  const open = key.indexOf('[')
  if (open < 1 || !key.endsWith(']')) return [key]
  const nested = key.slice(open + 1, -1).split('][')
  if (nested.length >= MAX_DEPTH) throw new BadQuery(`params nest deeper than ${MAX_DEPTH}`)
  return [key.slice(0, open), ...nested.map((segment) => (segment === '' ? null : segment))]
}

function insert(root: Level, key: string, value: string): void {
  const [first, ...nested] = pathOf(key)
  let level = root
  let segment: Segment = first
  for (const next of nested) {
    level = level.child(segment)
    segment = next
  }
  level.add(segment, value)
}

/**
 * `a[b]=1` nests, `l[]=1&l[]=2` is a list, a key without `=` is an empty string (C1.20, C1.21).
 *
 * Of conflicting entries the last wins, a nested one counting from its first mention: `a=1&a[b]=2` is
 * `{a: {b: '2'}}`, `a[b]=1&a=2&a[c]=3` is `{a: '2'}`. Where `[]` and keys are mixed, what comes last says
 * whether it is a list or a map, and entries of the other kind are dropped. `u[][a]=1&u[][b]=2` is one map
 * in a list. All that is Plug's; the bounds (1,000 pairs, 32 levels) are ours.
 */
export function parseParams(query: string): Params {
  const pairs = query.split('&').filter((pair) => pair !== '')
  if (pairs.length > MAX_PAIRS) throw new BadQuery(`more than ${MAX_PAIRS} params`)
  const root = new Level()
  for (const pair of pairs) {
    const [key = ''] = pair.split('=', 1)
    insert(root, decode(key), decode(pair.slice(key.length + 1)))
  }
  return root.toParams()
}
