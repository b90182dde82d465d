import type { SessionKey } from './store/store.ts'

/** What the nodes keep for themselves, of all businesses: no client can name this session. */
export const NODE: SessionKey = { businessId: '', sessionId: '' }
