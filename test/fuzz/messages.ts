/** Messages of a client that knows the protocol, and the same with something wrong. */
import fc from 'fast-check'
import { encodeClientPush, type Version } from '../support/client-codec.ts'
import { hostileJson, spliced } from './hostile-json.ts'

/** A WebSocket message. */
export interface ClientMessage {
  readonly isBinary: boolean
  readonly bytes: Uint8Array
}

interface Push {
  readonly topic: string
  readonly event: string
  readonly payload: unknown
}

const BUSINESS = 'fuzzed'
const PERMISSIONS = ['agent_access', 'data_query', 'draft_creation']

/** What the client `marker` may say: its topics are named by it, and nobody else has them. */
function pushesOf(marker: string) {
  const room = `room:${marker}`
  const agent = `agent:${marker}`
  const ids = { sessionId: marker, businessId: BUSINESS }
  const nested = (members: object) => ({ sessionId: marker, payload: { ...ids, ...members } })
  const begin: readonly Push[] = [
    { topic: room, event: 'phx_join', payload: {} },
    { topic: agent, event: 'phx_join', payload: { businessId: BUSINESS } },
    {
      topic: agent,
      event: 'agent_authenticate',
      payload: nested({ operatorId: marker, permissions: PERMISSIONS }),
    },
  ]
  const command = (name: string, parameters: object): Push => ({
    topic: agent,
    event: 'agent_execute_command',
    payload: nested({ command: name, parameters }),
  })
  const repositoryType = 'customers'
  const further: readonly Push[] = [
    { topic: 'phoenix', event: 'heartbeat', payload: {} },
    { topic: room, event: 'echo', payload: { text: marker, list: [1, { a: null }] } },
    { topic: room, event: 'count', payload: {} },
    { topic: room, event: 'shout', payload: { text: marker } },
    { topic: room, event: 'nobody knows', payload: {} },
    { topic: room, event: 'phx_leave', payload: {} },
    { topic: agent, event: 'phx_leave', payload: {} },
    { topic: 'nowhere', event: 'phx_join', payload: {} },
    command('list_commands', {}),
    command('run_query', { repositoryType }),
    command('list_changes', { status: 'pending', limit: 10, after: 'chg_1' }),
    command('get_change', { changeId: 'chg_1' }),
    command('create_draft', {
      repositoryType,
      operation: 'create',
      recordId: marker,
      data: { id: marker, name: marker },
    }),
    {
      topic: agent,
      event: 'agent_execute_command',
      payload: nested({ command: 'list_commands', parameters: {}, commandId: marker }),
    },
    { topic: agent, event: 'agent_cancel_command', payload: nested({ commandId: marker }) },
    { topic: agent, event: 'agent_approve_changes', payload: nested({ changeId: 'chg_1' }) },
    {
      topic: agent,
      event: 'agent_reject_changes',
      payload: nested({ changeId: 'chg_1', reason: 'no' }),
    },
    {
      topic: agent,
      event: 'agent_modify_query',
      payload: nested({ repositoryType, modifications: { filters: { name: 'a' }, limit: 5 } }),
    },
    {
      topic: agent,
      event: 'agent_query_modify',
      payload: {
        sessionId: marker,
        repositoryType,
        modifications: [
          { field: 'filters', operation: 'add', value: { age: { between: [1, 2] } } },
          { field: 'name', operation: 'filter', value: 'a', condition: 'contains' },
          { field: 'sort', operation: 'modify', value: { name: 'asc' } },
        ],
      },
    },
    {
      topic: agent,
      event: 'agent_query_revert',
      payload: { sessionId: marker, modificationId: 'mod_1' },
    },
    {
      topic: agent,
      event: 'agent_query_history',
      payload: { sessionId: marker, limit: 3, before: 'mod_1' },
    },
    {
      topic: agent,
      event: 'agent_authenticate',
      payload: nested({ operatorId: marker, permissions: PERMISSIONS, lastSeq: 0, epoch: 'e' }),
    },
  ]
  return { begin, all: [...begin, ...further] }
}

const treeOf = (version: Version, { topic, event, payload }: Push, ref: unknown): unknown =>
  version === 'v1' ? { topic, event, payload, ref } : ['1', ref, topic, event, payload]

const textMessage = (text: string): ClientMessage => ({
  isBinary: false,
  bytes: Buffer.from(text),
})

/** A few bytes changed, cut, put in or repeated. */
const damage = fc.array(
  fc.record({
    how: fc.constantFrom('flip', 'cut', 'insert', 'repeat'),
    at: fc.nat(),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
)

type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never

function damaged(bytes: Uint8Array, damages: Damage): Uint8Array {
  let result = Buffer.from(bytes)
  for (const { how, at, byte } of damages) {
    const place = at % (result.length + 1)
    const [before, after] = [result.subarray(0, place), result.subarray(place)]
    if (how === 'cut') result = Buffer.from(before)
    else if (how === 'insert') result = Buffer.concat([before, Buffer.of(byte), after])
    else if (how === 'repeat') result = Buffer.concat([before, after, after.subarray(0, 64)])
    else result[place % Math.max(1, result.length)] = byte
  }
  return result
}

/** Joins and authenticates, so that what follows finds somebody. */
export const beginning = (marker: string, version: Version): readonly ClientMessage[] =>
  pushesOf(marker).begin.map((push) => textMessage(JSON.stringify(treeOf(version, push, '1'))))

export function clientMessage(marker: string, version: Version): fc.Arbitrary<ClientMessage> {
  const push = fc.constantFrom(...pushesOf(marker).all)
  const ref = fc.oneof(fc.constant(null), fc.nat(9).map(String), fc.jsonValue())
  const valid = fc
    .tuple(push, ref)
    .map(([each, its]) => textMessage(JSON.stringify(treeOf(version, each, its))))
  const hostile = fc
    .tuple(push, fc.nat(), hostileJson)
    .map(([each, at, text]) => textMessage(spliced(treeOf(version, each, '2'), at, text)))
  const junk = hostileJson.map(textMessage)
  const binary = fc
    .tuple(
      fc.constantFrom('echo', 'shout_bytes', 'phx_join', 'agent_query_history'),
      push,
      fc.uint8Array(),
    )
    .map(([event, { topic }, payload]) => ({
      isBinary: true,
      bytes: Buffer.from(encodeClientPush('v2', { joinRef: '1', ref: '3', topic, event, payload })),
    }))
  const intact = fc.oneof(
    { weight: 20, arbitrary: valid },
    { weight: 20, arbitrary: hostile },
    { weight: 1, arbitrary: junk },
    // Under V1 bytes are read as JSON, which these are not.
    ...(version === 'v2' ? [{ weight: 5, arbitrary: binary }] : []),
  )
  const broken = fc
    .tuple(fc.oneof(valid, binary), damage, fc.boolean())
    .map(([{ bytes }, damages, isBinary]) => ({ isBinary, bytes: damaged(bytes, damages) }))
  return fc.oneof({ weight: 30, arbitrary: intact }, { weight: 1, arbitrary: broken })
}

/** Damages any bytes: for what is below messages. */
export const damagedBytes = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(bytes, damage).map(([each, damages]) => damaged(each, damages))
