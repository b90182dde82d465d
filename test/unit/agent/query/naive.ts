import type { FilterValue, Query } from '../../../../channels/agent/query/query.ts'

type Json = Readonly<Record<string, unknown>>

/** What find should give, in the plainest words: interpreted, repeated for each record, and slow. */
export function naiveFind(records: readonly Json[], query: Query) {
  const found = records.filter((record) =>
    Object.entries(query.filters).every(([name, filter]) => passes(at(record, name), filter)),
  )
  found.sort((a, b) => {
    for (const [name, direction] of Object.entries(query.sort)) {
      const order = inOrder(at(a, name), at(b, name))
      if (order !== 0) return direction === 'asc' ? order : -order
    }
    return inOrder(at(a, 'id'), at(b, 'id'))
  })
  const page = found.slice(query.offset).slice(0, query.limit)
  return { records: page.map((record) => show(record, query.fields)), total: found.length }
}

function at(record: Json, name: string): unknown {
  const [first = '', ...rest] = name.split('.')
  const member = Object.getOwnPropertyDescriptor(record, first)?.value as unknown
  if (rest.length === 0) return member
  const isObject = typeof member === 'object' && member !== null && !Array.isArray(member)
  return isObject ? at(member as Json, rest.join('.')) : undefined
}

function passes(value: unknown, filter: FilterValue): boolean {
  if (typeof filter !== 'object' || filter === null) return value === filter
  return Object.entries(filter).every(([name, operand]) => holds(name, value, operand))
}

function holds(name: string, value: unknown, operand: unknown): boolean {
  const list = Array.isArray(operand) ? (operand as unknown[]) : []
  switch (name) {
    case 'eq':
      return value === operand
    case 'ne':
      return !holds('eq', value, operand)
    case 'gt':
      return compared(value, operand) > 0
    case 'gte':
      return compared(value, operand) >= 0
    case 'lt':
      return compared(value, operand) < 0
    case 'lte':
      return compared(value, operand) <= 0
    case 'in':
      return list.some((one) => value === one)
    case 'nin':
      return !holds('in', value, operand)
    case 'contains':
      if (Array.isArray(value)) return value.some((one) => one === operand)
      return typeof value === 'string' && typeof operand === 'string' && value.includes(operand)
    case 'startsWith':
      return typeof value === 'string' && value.slice(0, String(operand).length) === operand
    case 'exists':
      return operand ? value !== undefined : value === undefined
    case 'between':
      return holds('gte', value, list[0]) && holds('lte', value, list[1])
    default:
      throw new Error(`the model knows no condition ${name}`)
  }
}

/** NaN for anything but two numbers or two texts. */
function compared(a: unknown, b: unknown): number {
  const same = typeof a === typeof b && ['number', 'string'].includes(typeof a)
  return same ? bigger(a, b) - bigger(b, a) : Number.NaN
}

function bigger(a: unknown, b: unknown): number {
  return Number((a as string) > (b as string))
}

/** Missing and null, false, true, numbers, text, the rest. */
function inOrder(a: unknown, b: unknown): number {
  const kinds = ['undefined', 'boolean', 'number', 'string', 'object']
  const kind = (value: unknown) => kinds.indexOf(typeof (value ?? undefined))
  if (kind(a) !== kind(b)) return kind(a) - kind(b)
  return ['boolean', 'number', 'string'].includes(typeof a) ? bigger(a, b) - bigger(b, a) : 0
}

/** Copies path after path, the shorter ones first: a longer one then finds itself copied. */
function show(record: Json, fields: readonly string[]): Json {
  if (fields.length === 0) return record
  const shown: Record<string, unknown> = {}
  for (const name of ['id', ...fields].toSorted((a, b) => a.length - b.length)) {
    const value = at(record, name)
    if (value === undefined) continue
    let holder = shown
    const parts = name.split('.')
    for (const part of parts.slice(0, -1)) {
      if (!Object.hasOwn(holder, part)) holder[part] = {}
      holder = holder[part] as Record<string, unknown>
    }
    holder[parts.at(-1) ?? ''] = structuredClone(value)
  }
  return shown
}
