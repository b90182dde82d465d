import type { Who } from '../../support/agent-client.ts'
import { ALL } from '../../support/tokens.ts'

/** In everything that only the first tenant knows. */
export const CANARY = 'kanarienvogel'

/** A business whose id has all that a careless key, topic or comparison would take for something else. */
export const OWNER = {
  businessId: 'Vogel & Söhne/ș',
  sessionId: 'session:1',
  operatorId: 'ann',
  permissions: ALL,
} as const satisfies Who

/** Whom only those on the owner's session can know. */
export const COLLEAGUE = `${CANARY}-bob`

const { businessId, sessionId, operatorId, permissions } = OWNER

/** Businesses that a careless key, topic or comparison would take for the owner's. */
const LOOKALIKES: readonly string[] = [
  'mallory',
  businessId.toLowerCase(),
  businessId.toUpperCase(),
  businessId.normalize('NFD'),
  encodeURIComponent(businessId),
  encodeURIComponent(encodeURIComponent(businessId)),
  businessId.replaceAll(' ', '+'),
  businessId.slice(0, businessId.indexOf('/')),
  `${businessId}/${sessionId}`,
  `${businessId}/`,
  `${businessId} `,
  `${businessId}\0`,
  `{${businessId}}`,
  '*',
  '%',
  '__proto__',
  'ș'.repeat(128),
]

/** Each is on a session of the owner's name, as an operator of the owner's name or of its own. */
export const ATTACKERS: readonly Who[] = LOOKALIKES.map((lookalike, at) => ({
  businessId: lookalike,
  sessionId,
  operatorId: at % 2 === 0 ? operatorId : 'mallory',
  permissions,
}))

/** An id in the message of a failure; of a long one the end. */
export const shown = (id: string): string =>
  JSON.stringify(id.length > 40 ? `…${id.slice(-8)}` : id)
