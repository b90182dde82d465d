import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  type AgentStore,
  type Document,
  type DocumentRef,
  RETENTION,
  type SessionKey,
} from '../../channels/agent/store/store.ts'
import { own, type StoreSetup, type Suite, shared } from './agent-store-setup.ts'

const REFS = [own('a'), own('a/b'), own('aa'), own('a', 'others'), shared('a'), shared('😀')]
const SESSION_IDS = ['s0', 's1'] as const
const HOUR_MS = 3_600_000

/**
 * What an expectation of a random commit says: what is so, that there is none, or what once was so.
 */
type Basis = 'now' | 'none' | 'once'

interface Step {
  readonly session: number
  readonly expect: readonly { readonly ref: DocumentRef; readonly basis: Basis }[]
  readonly write: readonly { readonly ref: DocumentRef; readonly value: number | undefined }[]
  readonly event: boolean
  /** When the commit must have happened, from then on, in hours; none: whenever. */
  readonly before: number | undefined
  /** Hours that pass before it. */
  readonly pass: number
}

const ref = fc.constantFrom(...REFS)
/** Any steps, of two sessions. No hours add up to a day or to thirty: nothing ends while it is looked at. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    session: fc.nat({ max: SESSION_IDS.length - 1 }),
    expect: fc.array(
      fc.record({ ref, basis: fc.constantFrom<Basis>('now', 'now', 'now', 'none', 'once') }),
      { maxLength: 3 },
    ),
    write: fc.uniqueArray(
      fc.record({ ref, value: fc.option(fc.nat({ max: 99 }), { nil: undefined }) }),
      { selector: (write) => write.ref, maxLength: 4 },
    ),
    event: fc.boolean(),
    before: fc.constantFrom(undefined, undefined, undefined, -1, 1),
    pass: fc.constantFrom(0, 0, 0, 0, 0, 7, 25, 16 * 24 + 1, 31 * 24 + 1),
  }),
  { minLength: 1, maxLength: 20 },
)

interface ModelSession {
  readonly events: { readonly seq: number; readonly at: number }[]
  seq: number
  /** When it ends, if nothing happens. */
  endsAt: number
  epoch: string | undefined
}

/** A store as plain as can be: what each document is, and every version that it ever had. */
class Model {
  readonly documents = new Map<string, Document>()
  readonly versions = new Map<string, number[]>()
  readonly sessions = new Map<string, ModelSession>()
  now = 0

  versionOn(key: string, basis: Basis): number {
    if (basis === 'none') return 0
    if (basis === 'once') return this.versions.get(key)?.[0] ?? 1
    return this.documents.get(key)?.version ?? 0
  }

  isAt(key: string, version: number): boolean {
    return (this.documents.get(key)?.version ?? 0) === version
  }

  /** Takes over the document that a commit made; its version must be one that never was. */
  learn(key: string, document: Document | undefined, value: number): void {
    const versions = this.versions.get(key) ?? []
    expect(document).to.deep.include({ value })
    expect(document?.version).to.be.above(Math.max(0, ...versions))
    if (!document) return
    this.documents.set(key, document)
    this.versions.set(key, [...versions, document.version])
  }

  /** Sessions that nothing happened to for long enough end, with all that is theirs alone. */
  pass(hours: number): void {
    this.now += hours * HOUR_MS
    for (const [sessionId, { endsAt }] of this.sessions) {
      if (this.now < endsAt) continue
      this.sessions.delete(sessionId)
      for (const ref of REFS) {
        if (ref.scope === 'session') this.documents.delete(keyOf(sessionId, ref))
      }
    }
  }

  /** Something happens to a session, which begins where there is none. */
  touch(sessionId: string): ModelSession {
    const session = this.sessions.get(sessionId) ?? {
      events: [],
      seq: 0,
      endsAt: 0,
      epoch: undefined,
    }
    session.endsAt = this.now + RETENTION.sessionMs
    this.sessions.set(sessionId, session)
    return session
  }
}

/** Random commits of two sessions, beside a model that does the same in memory. */
export const modelSuite: Suite = (setup) => {
  describe('any sequence of commits', () => {
    it('leaves what a plain model of the contract says', async () => {
      let run = 0
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          run += 1
          await play(setup(), `run ${run}`, sequence)
        }),
        { numRuns: 100 },
      )
    })
  })
}

/** Takes the steps in a business of their own, and tells what came of each: no version, no epoch. */
export async function play(
  setup: StoreSetup,
  businessId: string,
  sequence: readonly Step[],
): Promise<readonly unknown[]> {
  const model = new Model()
  const seen: unknown[] = []
  for (const step of sequence) seen.push(await take(setup, model, businessId, step))
  return seen
}

async function take(
  { store, clock }: StoreSetup,
  model: Model,
  businessId: string,
  step: Step,
): Promise<unknown> {
  clock.advance(step.pass * HOUR_MS)
  model.pass(step.pass)
  const sessionId = SESSION_IDS[step.session] ?? ''
  const session = { businessId, sessionId }
  const expectations = step.expect.map(({ ref, basis }) => {
    const key = keyOf(sessionId, ref)
    return { ref, key, version: model.versionOn(key, basis) }
  })
  const isLate = step.before !== undefined && step.before < 0
  const committed = !isLate && expectations.every(({ key, version }) => model.isAt(key, version))
  const before = (await store.now(session)) + (step.before ?? 0) * HOUR_MS

  const result = await store.commit(session, {
    expect: expectations.map(({ ref, version }) => ({ ref, version })),
    ...(step.before !== undefined && { before }),
    put: step.write.filter(({ value }) => value !== undefined),
    remove: step.write.filter(({ value }) => value === undefined).map(({ ref }) => ref),
    ...(step.event ? { event: { event: 'changed', payload: { at: step.pass } } } : {}),
  })

  expect(result.committed).to.equal(committed)
  if (committed) {
    const its = model.touch(sessionId)
    if (step.event) {
      its.seq += 1
      its.events.push({ seq: its.seq, at: model.now })
    }
    for (const { ref, value } of step.write) {
      const key = keyOf(sessionId, ref)
      if (value === undefined) model.documents.delete(key)
      else model.learn(key, await store.get(session, ref), value)
    }
  }
  const seen = [result.committed && result.event?.json]
  for (const each of SESSION_IDS) {
    seen.push(JSON.stringify(await compare(store, model, { businessId, sessionId: each })))
  }
  return seen
}

/** All that the session sees is what the model has. */
async function compare(store: AgentStore, model: Model, session: SessionKey): Promise<unknown> {
  const events = await compareEvents(store, model, session)
  const values: unknown[] = []
  for (const collection of [own(''), own('', 'others'), shared('')]) {
    const known = REFS.filter(
      ({ scope, name }) => scope === collection.scope && name === collection.name,
    ).flatMap((ref) => model.documents.get(keyOf(session.sessionId, ref)) ?? [])
    const listed = await store.list(session, collection, { limit: 10 })
    expect(listed).to.deep.equal(known)
    expect(await store.list(session, collection, { limit: 10, reverse: true })).to.deep.equal(
      known.toReversed(),
    )
    values.push(...listed.map(({ id, value }) => [id, value]))
  }
  for (const ref of REFS) {
    const document = model.documents.get(keyOf(session.sessionId, ref))
    expect(await store.get(session, ref)).to.deep.equal(document)
  }
  return { events, values }
}

/** Those of a day, all of one epoch, which stays for as long as the session does. */
async function compareEvents(
  store: AgentStore,
  model: Model,
  session: SessionKey,
): Promise<readonly string[]> {
  const { epoch, events } = await store.events(session, 0, 100)
  const its = model.sessions.get(session.sessionId)
  const kept = its?.events.filter(({ at }) => model.now - at < RETENTION.eventMs) ?? []
  expect(events.map(({ seq }) => seq)).to.deep.equal(kept.map(({ seq }) => seq))
  for (const event of events) expect(event).to.include({ epoch, event: 'changed' })
  if (!its) return []
  expect(epoch).to.be.a('string')
  its.epoch ??= epoch
  expect(epoch).to.equal(its.epoch)
  return events.map(({ json }) => json)
}

const keyOf = (sessionId: string, { scope, name, id }: DocumentRef): string =>
  JSON.stringify([scope === 'session' && sessionId, name, id])
