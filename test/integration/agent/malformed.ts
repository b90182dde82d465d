import type { Operation } from '../../../channels/agent/contract.ts'

/** Stands for what `wireText` makes of it. */
export const DEEP = '<deep>'
const deep = DEEP

/** JSON text, with lists in lists for DEEP: more of them than a recursive function has stack for. */
export const wireText = (value: unknown): string =>
  JSON.stringify(value).replaceAll(`"${DEEP}"`, () => '['.repeat(50_000) + ']'.repeat(50_000))

const LONE_SURROGATE = '\ud800'
const long = (length: number) => 'x'.repeat(length)
/** As the wire brings it: an own member of that name. */
const json = (text: string): unknown => JSON.parse(text)

/** Stands for a member that is left out. */
export const MISSING = Symbol('missing')

const SESSION_ID = [
  ...[MISSING, null, true, 7, [], {}, ['s1'], ''],
  ...['a b', 'a/b', 'a%2Fb', 'ș', 's1\n', 's1\u0000', long(129), LONE_SURROGATE, deep],
]
const TEXT = [
  ...[MISSING, null, true, 7, [], {}, '', long(257), 'ș'.repeat(129), `a${LONE_SURROGATE}`, deep],
]

const filter = (value: unknown, condition?: unknown) => [
  { field: 'status', operation: 'filter', value, ...(condition !== undefined && { condition }) },
]
const set = (field: unknown, value: unknown, operation: unknown = 'modify') => [
  { field, operation, value },
]

const LIST = [
  ...[MISSING, null, true, 7, 'limit', {}, [], [null], [7], ['limit'], [[]], [{}], deep],
  Array.from({ length: 101 }, () => ({ field: 'limit', operation: 'modify', value: 1 })),
  ...[set('limit', 1, 'toString'), set('limit', 1, null), set('limit', 1, ['modify'])],
  ...[set('constructor', 1), set('repository', 'services'), set(null, 1), set(['limit'], 1)],
  ...[0, 1_001, 1.5, '5', null, deep].map((limit) => set('limit', limit)),
  ...[-1, 1_000_001, {}].map((offset) => set('offset', offset)),
  ...['id', [7], [''], ['a b'], ['a.__proto__'], { 0: 'id' }].map((fields) =>
    set('fields', fields),
  ),
  ...['id', { a: 'up' }, { 'a b': 'asc' }, ['id']].map((sort) => set('sort', sort)),
  set(
    'fields',
    Array.from({ length: 100_000 }, () => 'id'),
  ),
  set('sort', json('{"__proto__":"asc"}')),
  set('filters', json('{"__proto__":{"eq":1}}'), 'add'),
  set('filters', json('{"constructor":1}'), 'add'),
  set('filters', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, 1])), 'add'),
  ...[{}, [], deep, { like: 'x' }, json('{"__proto__":1}')].map((value) => filter(value)),
  ...[filter('x', 'like'), filter('x', '__proto__'), filter('x', 7), filter(1, 'in')],
  filter(
    Array.from({ length: 1_001 }, (_, i) => i),
    'in',
  ),
  ...[filter(long(10_001)), filter([1], 'between'), filter(1, 'startsWith')],
  json('[{"field":"status","operation":"filter","value":1,"extra":1}]'),
  json('[{"field":"status","operation":"filter","value":1,"__proto__":{}}]'),
  [{ field: 'limit', operation: 'modify', value: 5, condition: 'eq' }],
]

const OBJECT = [
  ...[MISSING, null, true, 7, 'limit', [], {}, [{}], deep, { repository: 'services' }],
  ...[{ limit: 0 }, { limit: '5' }, { limit: null }, { offset: -1 }, { fields: 'id' }],
  ...[{ sort: { a: 'up' } }, { filters: { a: {} } }, { filters: [] }, { filters: deep }],
  { limit: 5, extra: 1 },
  json('{"__proto__":{"limit":5}}'),
  json('{"constructor":{"limit":5}}'),
]

const NESTED_IDS = { sessionId: SESSION_ID, businessId: TEXT }

/** Values of each member of each operation's (nested) payload that are no such thing. */
export const MALFORMED: {
  readonly [O in Operation]: Readonly<Record<string, readonly unknown[]>>
} = {
  agent_authenticate: {
    ...NESTED_IDS,
    operatorId: TEXT,
    permissions: [
      ...[MISSING, null, 'agent_access', {}, [7], [null], [['agent_access']], deep],
      ...[['root'], ['__proto__'], ['constructor'], [''], [long(65)], ['agent_access ']],
      Array.from({ length: 33 }, () => 'agent_access'),
    ],
    // One without the other, to begin with.
    lastSeq: [0, null, '0', -1, 1.5, 2 ** 53],
    epoch: ['e', null, 7, '', long(65)],
  },
  agent_execute_command: {
    ...NESTED_IDS,
    command: [MISSING, null, 7, [], {}, ['list_commands'], '', long(129)],
    parameters: [null, true, 7, 'none', [], deep, { extra: 1 }, json('{"__proto__":{}}')],
    commandId: TEXT.filter((value) => value !== MISSING),
  },
  agent_cancel_command: {
    sessionId: SESSION_ID.filter((value) => value !== MISSING),
    businessId: TEXT.filter((value) => value !== MISSING),
    commandId: TEXT,
  },
  agent_modify_query: { ...NESTED_IDS, repositoryType: TEXT, modifications: OBJECT },
  agent_approve_changes: { ...NESTED_IDS, changeId: TEXT },
  agent_reject_changes: {
    ...NESTED_IDS,
    changeId: TEXT,
    reason: [MISSING, null, 7, [], {}, '', long(2_001)],
  },
  agent_query_modify: { sessionId: SESSION_ID, repositoryType: TEXT, modifications: LIST },
  agent_query_revert: { sessionId: SESSION_ID, modificationId: TEXT },
  agent_query_history: {
    sessionId: SESSION_ID,
    limit: [null, true, '5', [], {}, 0, -1, 201, 1.5],
    before: TEXT.filter((value) => value !== MISSING),
  },
}
