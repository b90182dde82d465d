/** What operators do, at random. */
import { expect } from 'chai'
import fc from 'fast-check'
import { outcome } from '../../support/agent-client.ts'
import { draft, repositoryType } from './drafts.ts'
import type { Model } from './model.ts'
import { asObject, MODIFICATIONS, type ModificationName } from './modifications.ts'
import { type Draft, REPOSITORY, SLOTS } from './state.ts'
import { asking, type Step, type Worlds } from './step.ts'
import type { World } from './world.ts'

/** A run lasts less than a session without activity. */
const MAX_HOURS = 600

/** Mostly those who share a session. */
const slot = fc.constantFrom(0, 0, 0, 1, 1, 2, 3)
/** The newest, the one before … of the session; -1 is none that was ever made. */
const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, -1)
const entryAt = (model: Model, at: number, back: number) =>
  model.slot(at).session.entries.length - 1 - back
const changeAt = (model: Model, at: number, back: number) =>
  model.slot(at).session.changes.length - 1 - back
const ALL = ['agent_access', 'data_query', 'draft_creation']
const permissions = fc.oneof(
  { weight: 6, arbitrary: fc.constant(ALL) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['agent_access', 'data_query'],
      ['session.open', 'query.history', 'change.reject'],
      ['data_query', 'draft_creation'],
    ),
  },
)

const joinIn = (at: number): Step => ({
  check: () => true,
  async run(model, { all }) {
    await Promise.all(all.map((world) => world.join(at)))
    model.join(at)
  },
  toString: () => `${at}: join`,
})
const join = slot.map(joinIn)

const leave = slot.map(
  (at): Step => ({
    check: (model) => model.slot(at).isJoined,
    async run(model, { all }) {
      for (const world of all) world.leave(at)
      model.leave(at)
    },
    toString: () => `${at}: leave`,
  }),
)

/** Of an earlier connection: so many events behind the newest, in the session's epoch or in none of its. */
interface Since {
  readonly behind: number
  readonly ofEpoch: boolean
}

const since = fc.option(
  fc.record({
    behind: fc.integer({ min: -1, max: 6 }),
    ofEpoch: fc.constantFrom(true, true, true, false),
  }),
  {
    nil: undefined,
  },
)

/** On every server, the client has what the model says that it has. */
async function allReceived(model: Model, { all }: Worlds, at: number): Promise<void> {
  const { length } = model.slot(at).received
  await Promise.all(all.map((world) => world.received(at, length)))
}

const authenticateIn = (at: number, asked: readonly string[], from?: Since): Step => {
  const lastSeqOf = (model: Model) =>
    Math.max(0, model.slot(at).session.events.length - (from?.behind ?? 0))
  let lastSeq = 0
  const step = asking({
    says: `authenticate ${asked}${from ? `, ${JSON.stringify(from)}` : ''}`,
    at,
    ask: (client, world) => {
      const epoch = from?.ofEpoch ? world.epoch(at) : 'another'
      return client.authenticate({ permissions: asked, ...(from && { lastSeq, epoch }) })
    },
    answer: (model) => model.authenticate(at, asked, from && { lastSeq, ofEpoch: from.ofEpoch }),
  })
  const hasEpoch = ({ all }: Worlds) => all.every((world) => world.epoch(at) !== undefined)
  return {
    check: step.check,
    async run(model: Model, worlds: Worlds) {
      if (from?.ofEpoch && !hasEpoch(worlds)) return
      // A replay takes the place of what is on its way, be that live or another replay.
      await allReceived(model, worlds, at)
      lastSeq = lastSeqOf(model)
      await step.run(model, worlds)
      await allReceived(model, worlds, at)
    },
    toString: step.toString,
  }
}
const authenticate = fc
  .tuple(slot, permissions, since)
  .map(([at, asked, from]) => authenticateIn(at, asked, from))

const names = Object.keys(MODIFICATIONS) as ModificationName[]

const queryModify = fc
  .tuple(slot, repositoryType, fc.array(fc.constantFrom(...names), { maxLength: 3 }))
  .map(([at, type, list]) =>
    asking({
      says: `agent_query_modify of ${type}: ${list}`,
      at,
      ask: (client) =>
        client.queryModify(
          type,
          list.map((name) => MODIFICATIONS[name].sent),
        ),
      answer: (model) => model.modify(at, type, list),
    }),
  )

const modifyNames = names.filter((name) => MODIFICATIONS[name].sent.operation === 'modify')

const modifyQuery = fc
  .tuple(
    slot,
    repositoryType,
    fc.uniqueArray(fc.constantFrom(...modifyNames), {
      selector: (name) => MODIFICATIONS[name].sent.field,
      maxLength: 3,
    }),
  )
  .map(([at, type, list]) =>
    asking({
      says: `agent_modify_query of ${type}: ${list}`,
      at,
      ask: (client) => client.modifyQuery(type, asObject(list)),
      answer: (model) => model.modify(at, type, list),
    }),
  )

const revert = fc.tuple(slot, index).map(([at, back]) =>
  asking({
    says: `revert the last but ${back}`,
    at,
    ask: (client, world, model) => client.revert(world.id(at, `mod${entryAt(model, at, back)}`)),
    answer: (model) => model.revert(at, entryAt(model, at, back)),
  }),
)

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

/** Before or after an id that nobody made is whatever sorts there: not asked for. */
const known = (which: number) => (which < 0 ? undefined : which)
const optionally = <T>(value: unknown, then: () => T) => (value === undefined ? undefined : then())

const history = fc
  .tuple(slot, optional(fc.integer({ min: 1, max: 3 })), optional(fc.nat({ max: 3 })))
  .map(([at, limit, back]) => {
    const before = (model: Model) => optionally(back, () => known(entryAt(model, at, back ?? 0)))
    return asking({
      says: `history, limit ${limit}, before the last but ${back}`,
      at,
      ask: (client, world, model) => {
        const which = before(model)
        const id = which === undefined ? {} : { before: world.id(at, `mod${which}`) }
        return client.history({ ...(limit !== undefined && { limit }), ...id })
      },
      answer: (model) => model.history(at, limit, before(model)),
    })
  })

const runQuery = slot.map((at) =>
  asking({
    says: 'run_query',
    at,
    ask: (client) => client.execute('run_query', { repositoryType: REPOSITORY }),
    answer: (model) => model.runQuery(at),
  }),
)

const draftIn = (at: number, its: Draft): Step =>
  asking({
    says: `create_draft ${JSON.stringify(its)}`,
    at,
    ask: (client) => client.execute('create_draft', its),
    answer: (model) => model.createDraft(at, its),
  })
const createDraft = fc.tuple(slot, draft).map(([at, its]) => draftIn(at, its))

/** Approves, or rejects for a reason, the newest change but so many. */
const decideIn = (at: number, back: number, reason?: string): Step =>
  asking({
    says: `${reason === undefined ? 'approve' : 'reject'} the last but ${back}`,
    at,
    ask: (client, world, model) => {
      const id = world.id(at, `chg${changeAt(model, at, back)}`)
      return reason === undefined ? client.approve(id) : client.reject(id, reason)
    },
    answer: (model) => model.decide(at, changeAt(model, at, back), reason),
  })
const decide = fc
  .tuple(slot, index, fc.constantFrom(undefined, undefined, 'no'))
  .map(([at, back, reason]) => decideIn(at, back, reason))

/** Both sockets of one operator at once: whichever comes first, the model's first answer is one of both. */
const race = index.map(
  (back): Step => ({
    check: (model) => [0, 1].every((at) => model.slot(at).isJoined),
    async run(model, { all }) {
      const which = changeAt(model, 0, back)
      const approve = async (world: World, at: number) => {
        const reply = await world.client(at).approve(world.id(at, `chg${which}`))
        world.answer(at, reply)
        return String(outcome(reply))
      }
      const outcomes = await Promise.all(
        all.map((world) => Promise.all([0, 1].map((at) => approve(world, at)))),
      )
      const due = [0, 1].map((at) => outcome(model.decide(at, which)))
      for (const each of outcomes) expect(each.sort()).to.deep.equal(due.map(String).sort())
    },
    toString: () => `0 and 1: approve the last but ${back}`,
  }),
)

const listChanges = fc
  .tuple(
    slot,
    fc.record(
      {
        status: fc.constantFrom('pending', 'approved', 'rejected', 'expired'),
        limit: fc.integer({ min: 1, max: 3 }),
        back: fc.nat({ max: 3 }),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  )
  .map(([at, { back, ...others }]) => {
    const after = (model: Model) => optionally(back, () => known(changeAt(model, at, back ?? 0)))
    return asking({
      says: `list_changes ${JSON.stringify(others)}, after the last but ${back}`,
      at,
      ask: (client, world, model) => {
        const which = after(model)
        const from = which === undefined ? {} : { after: world.id(at, `chg${which}`) }
        return client.execute('list_changes', { ...others, ...from })
      },
      answer: (model) => {
        const which = after(model)
        return model.listChanges(at, { ...others, ...(which !== undefined && { after: which }) })
      },
    })
  })

/** No two of them add up to a day: nothing ends just when it is looked at. */
const advance = fc.constantFrom(7, 25).map(
  (hours): Step => ({
    check: (model) => model.hours + hours < MAX_HOURS,
    async run(model, { clock }) {
      clock.advance(hours)
      model.hours += hours
    },
    toString: () => `${hours} h pass`,
  }),
)

const sweep = fc.constant<Step>({
  check: () => true,
  run: async (_model, { all }) => {
    await Promise.all(all.map((world) => world.sweep()))
  },
  toString: () => 'sweep',
})

/** Everybody is there, and the first business has a record, before the random ones. */
export const firstSteps: readonly Step[] = [
  ...SLOTS.flatMap((_, at) => [joinIn(at), authenticateIn(at, ALL)]),
  draftIn(0, { repositoryType: REPOSITORY, operation: 'create', recordId: 'r0', data: { age: 1 } }),
  decideIn(0, 0),
]

/** How often each comes is how often it stands here. */
export const steps = fc.commands<Model, Worlds, false>(
  [
    ...[authenticate, authenticate, authenticate, queryModify, queryModify, modifyQuery, revert],
    ...[createDraft, createDraft, createDraft, createDraft, decide, decide, decide, decide, race],
    ...[history, runQuery, listChanges, join, leave, advance, advance, sweep],
  ],
  { maxCommands: 60, size: 'max' },
)
