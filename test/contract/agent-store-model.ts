import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type {
  AgentStore,
  Document,
  DocumentRef,
  SessionKey,
} from '../../channels/agent/store/store.ts'
import { eventsOf, own, type Suite, shared } from './agent-store-setup.ts'

const REFS = [own('a'), own('a/b'), own('aa'), own('a', 'others'), shared('a'), shared('😀')]

/**
 * What an expectation of a random commit says: what is so, that there is none, or what once was so.
 */
type Basis = 'now' | 'none' | 'once'

interface Step {
  readonly session: number
  readonly expect: readonly { readonly ref: DocumentRef; readonly basis: Basis }[]
  readonly write: readonly { readonly ref: DocumentRef; readonly value: number | undefined }[]
  readonly event: boolean
}

const ref = fc.constantFrom(...REFS)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    session: fc.nat({ max: 1 }),
    expect: fc.array(
      fc.record({ ref, basis: fc.constantFrom<Basis>('now', 'now', 'now', 'none', 'once') }),
      { maxLength: 3 },
    ),
    write: fc.uniqueArray(
      fc.record({ ref, value: fc.option(fc.nat({ max: 99 }), { nil: undefined }) }),
      { selector: (write) => write.ref, maxLength: 4 },
    ),
    event: fc.boolean(),
  }),
  { minLength: 1, maxLength: 20 },
)

/** A store as plain as can be: what each document is, and every version that it ever had. */
class Model {
  readonly documents = new Map<string, Document>()
  readonly versions = new Map<string, number[]>()
  readonly seqs = new Map<string, number>()

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
}

/** Random commits of two sessions, beside a model that does the same in memory. */
export const modelSuite: Suite = (setup) => {
  describe('any sequence of commits', () => {
    it('leaves what a plain model of the contract says', async () => {
      let run = 0
      const { store } = setup()
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          run += 1
          const model = new Model()
          for (const step of sequence) await take(store, model, `run ${run}`, step)
        }),
        { numRuns: 100 },
      )
    })
  })
}

async function take(
  store: AgentStore,
  model: Model,
  businessId: string,
  step: Step,
): Promise<void> {
  const session = { businessId, sessionId: `s${step.session}` }
  const expectations = step.expect.map(({ ref, basis }) => {
    const key = keyOf(session, ref)
    return { ref, key, version: model.versionOn(key, basis) }
  })
  const committed = expectations.every(({ key, version }) => model.isAt(key, version))
  const seq = model.seqs.get(session.sessionId) ?? 0

  const result = await store.commit(session, {
    expect: expectations.map(({ ref, version }) => ({ ref, version })),
    put: step.write.filter(({ value }) => value !== undefined),
    remove: step.write.filter(({ value }) => value === undefined).map(({ ref }) => ref),
    ...(step.event ? { event: { event: 'changed', payload: {} } } : {}),
  })

  expect(result.committed).to.equal(committed)
  if (committed) {
    if (step.event) model.seqs.set(session.sessionId, seq + 1)
    for (const { ref, value } of step.write) {
      const key = keyOf(session, ref)
      if (value === undefined) model.documents.delete(key)
      else model.learn(key, await store.get(session, ref), value)
    }
  }
  for (const sessionId of ['s0', 's1']) await compare(store, model, { businessId, sessionId })
}

/** All that the session sees is what the model has. */
async function compare(store: AgentStore, model: Model, session: SessionKey): Promise<void> {
  const events = await eventsOf(store, session, 0, 100)
  expect(events).to.have.lengthOf(model.seqs.get(session.sessionId) ?? 0)
  for (const collection of [own(''), own('', 'others'), shared('')]) {
    const known = REFS.filter(
      ({ scope, name }) => scope === collection.scope && name === collection.name,
    ).flatMap((ref) => model.documents.get(keyOf(session, ref)) ?? [])
    expect(await store.list(session, collection, { limit: 10 })).to.deep.equal(known)
    expect(await store.list(session, collection, { limit: 10, reverse: true })).to.deep.equal(
      known.toReversed(),
    )
  }
  for (const ref of REFS) {
    expect(await store.get(session, ref)).to.deep.equal(model.documents.get(keyOf(session, ref)))
  }
}

const keyOf = (session: SessionKey, { scope, name, id }: DocumentRef): string =>
  JSON.stringify([scope === 'session' && session.sessionId, name, id])
