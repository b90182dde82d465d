import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import type { AgentStore, SessionEvent, SessionKey } from '../../channels/agent/store/store.ts'
import { emit, eventsOf, listen, own, put, type Suite, shared } from './agent-store-setup.ts'

/** Pairs that run into each other where parts are joined without care. */
const SESSIONS: readonly SessionKey[] = [
  ['a', 'b'],
  ['a/b', 'c'],
  ['a', 'b/c'],
  ['a%2Fb', 'c'],
  ['a', 'b%2Fc'],
  ['a:b', 'c'],
  ['a', 'b:c'],
  ['a', 'b.'],
  ['a', 'b0'],
  ['a.', 'b'],
  ['A', 'b'],
  ['a ', 'b'],
  ['é', 'b'],
  ['e\u0301', 'b'],
  ['%', '%'],
  ['%25', '%'],
  ['%', '%25'],
  ['a{b}', 'c'],
  ['a*', 'b'],
  ['session', 'business'],
  ['business', 'session'],
  ['__proto__', 'constructor'],
  ['a\0b', 'c'],
  ['a', '\0b\0c'],
].map(([businessId = '', sessionId = '']) => ({ businessId, sessionId }))

const isSame = (one: SessionKey, other: SessionKey): boolean =>
  one.businessId === other.businessId && one.sessionId === other.sessionId

/** Businesses and sessions that share nothing but what is theirs to share (contract 4). */
export const isolationSuite: Suite = (setup) => {
  describe('a session among others', () => {
    it('sees its own documents and events and none of another, however ids are alike', async () => {
      const { store } = setup()
      const ears = SESSIONS.map((session) => listen(store, session))
      await fill(store, SESSIONS)
      for (const [index, session] of SESSIONS.entries()) {
        const events = await expectOwn(store, session)
        expect(await ears[index]?.until(1)).to.deep.equal(events)
      }
    })

    it('shares the documents of its business with its other sessions, and with no other business', async () => {
      const { store } = setup()
      const businesses = [...new Set(SESSIONS.map(({ businessId }) => businessId))]
      for (const businessId of businesses) {
        await put(store, { businessId, sessionId: 'writer' }, shared('r'), businessId)
      }
      for (const session of [...SESSIONS, { businessId: 'a', sessionId: 'reader' }]) {
        const documents = await store.list(session, shared(''), { limit: 10 })
        expect(documents.map(({ value }) => value)).to.deep.equal([session.businessId])
      }
      const stranger = { businessId: 'stranger', sessionId: 'b' }
      expect(await store.list(stranger, shared(''), { limit: 10 })).to.deep.equal([])
    })

    it('sees its own and nothing else whatever its ids are', async () => {
      const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
      const tricky = fc.string({
        unit: fc.constantFrom('a', '/', '%', '2', 'F', '.', ':', '0'),
        minLength: 1,
        maxLength: 4,
      })
      const id = fc.oneof(tricky, text)
      const sessions = fc.uniqueArray(fc.record({ businessId: id, sessionId: id }), {
        comparator: isSame,
        minLength: 2,
        maxLength: 6,
      })
      const { store } = setup()
      await fc.assert(
        fc.asyncProperty(sessions, async (some) => {
          await fill(store, some)
          for (const session of some) await expectOwn(store, session)
        }),
        { numRuns: 100 },
      )
    })
  })
}

/** Each session gets a document and an event that name it. */
async function fill(store: AgentStore, sessions: readonly SessionKey[]): Promise<void> {
  await Promise.all(
    sessions.map(async (session) => {
      await put(store, session, own('d'), session)
      await emit(store, session, session)
    }),
  )
}

/** Nothing that the session sees names another. Returns its events. */
async function expectOwn(store: AgentStore, session: SessionKey): Promise<readonly SessionEvent[]> {
  const documents = await store.list(session, own(''), { limit: 10 })
  expect(documents.map(({ value }) => value)).to.deep.equal([session])
  const events = await eventsOf(store, session, 0, 1_000)
  const { seq } = await store.open(session)
  expect(events).to.have.lengthOf(seq)
  for (const [index, event] of events.entries()) {
    expect(JSON.parse(event.json)).to.deep.equal({ seq: index + 1, ...session })
  }
  return events
}
