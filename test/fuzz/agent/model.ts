/** Agent sessions as the contract describes them (4 to 9), in memory, for one step at a time. */
import { naiveFind } from '../../unit/agent/query/naive.ts'
import { MODIFICATIONS, type ModificationName } from './modifications.ts'
import {
  type Answer,
  type Business,
  type Change,
  type Draft,
  FINE,
  HOURS_KEPT,
  type Json,
  NEW_QUERY,
  type Numbered,
  REPOSITORY,
  type Session,
  SLOTS,
  type Slot,
} from './state.ts'

const refused = (code: string): Answer => ({ status: 'error', response: { success: false, code } })

const ofCommand = ({ status, response }: Answer, command: string): Answer => ({
  status,
  response: { ...response, command },
})

export class Model {
  readonly slots: readonly Slot[]
  /** Since the run began. */
  hours = 0

  constructor() {
    const businesses: Business[] = [0, 1].map(() => ({ records: new Map(), versions: 0 }))
    const sessions = new Map<string, Session>()
    this.slots = SLOTS.map(({ business, sessionId, operatorId }) => {
      const name = `${business}/${sessionId}`
      const session = sessions.get(name) ?? {
        business: businesses[business] as Business,
        events: [],
        entries: [],
        changes: [],
        query: NEW_QUERY,
      }
      sessions.set(name, session)
      const left = { permissions: new Set<string>(), isJoined: false, isAuthenticated: false }
      return { session, operatorId, received: [], ...left }
    })
  }

  slot(at: number): Slot {
    return this.slots[at] as Slot
  }

  join(at: number): void {
    const slot = this.slot(at)
    slot.isJoined = true
    slot.isAuthenticated = false
    slot.received = []
  }

  leave(at: number): void {
    this.slot(at).isJoined = false
  }

  /** `since`: has everything up to `lastSeq` of the session's epoch, or of one that is none of its. */
  authenticate(
    at: number,
    permissions: readonly string[],
    since?: { readonly lastSeq: number; readonly ofEpoch: boolean },
  ): Answer {
    const slot = this.slot(at)
    const fine = new Set(permissions.flatMap((name) => FINE[name] ?? [name]))
    if (!fine.has('session.open')) return refused('permission_denied')
    const { events } = slot.session
    const { operatorId } = slot
    Object.assign(slot, { permissions: fine, isAuthenticated: true })
    const welcome = { success: true, operatorId, seq: events.length }
    if (!since) return { status: 'ok', response: welcome }
    const kept = events.filter((event) => this.hours - event.at < HOURS_KEPT)
    const oldest = events.length - kept.length + 1
    const { lastSeq, ofEpoch } = since
    const recovered = ofEpoch && lastSeq <= events.length && lastSeq + 1 >= oldest
    const isMissing = ({ payload }: Numbered) => Number(payload['seq']) > (recovered ? lastSeq : 0)
    slot.received.push(...kept.filter(isMissing))
    return { status: 'ok', response: { ...welcome, recovered } }
  }

  modify(at: number, repositoryType: string, names: readonly ModificationName[]): Answer {
    const list = names.map((name) => MODIFICATIONS[name])
    const isWrong = list.length === 0 || list.some(({ apply }) => !apply)
    if (isWrong) return refused('invalid_payload')
    const no = this.#refusal(at, 'query.modify') ?? unknown(repositoryType)
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const originalQuery = session.query
    session.query = list.reduce((query, { apply }) => apply?.(query) ?? query, originalQuery)
    const modificationId = `mod${session.entries.length}`
    const modifiedQuery = session.query
    const said = { modifiedQuery, modificationId, repositoryType, operatorId }
    const modifications = list.map(({ sent }) => sent)
    const shown = { ...said, originalQuery, modifications }
    session.entries.push({ shown, originalQuery, status: 'active' })
    return this.#announce(session, 'agent_query_modified', said)
  }

  revert(at: number, index: number): Answer {
    const { session, operatorId } = this.slot(at)
    const no = this.#refusal(at, 'query.revert')
    if (no) return no
    const entry = session.entries[index]
    if (!entry) return refused('unknown_modification')
    if (entry.status === 'reverted') return refused('already_reverted')
    for (const each of session.entries.slice(index)) each.status = 'reverted'
    session.query = entry.originalQuery
    const { originalQuery } = entry
    const modificationId = `mod${index}`
    const said = { originalQuery, modificationId, repositoryType: REPOSITORY, operatorId }
    return this.#announce(session, 'agent_query_reverted', said)
  }

  history(at: number, limit: number | undefined, before: number | undefined): Answer {
    const no = this.#refusal(at, 'query.history')
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const older = session.entries.slice(0, before)
    const history = older.slice(-(limit ?? 200)).map(({ shown, status }) => ({ ...shown, status }))
    return { status: 'ok', response: { success: true, history, operatorId } }
  }

  runQuery(at: number): Answer {
    const command = 'run_query'
    const no = this.#refusalOfCommand(at, 'record.read', command)
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const records = [...session.business.records.values()].map(({ record }) => record)
    const result = naiveFind(records, session.query)
    return { status: 'ok', response: { success: true, command, result, operatorId } }
  }

  createDraft(at: number, draft: Draft): Answer {
    const command = 'create_draft'
    const no = this.#refusalOfCommand(at, 'change.create', command)
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const { repositoryType, operation, recordId, data } = draft
    const unknownType = unknown(repositoryType)
    if (unknownType) return ofCommand(unknownType, command)
    const found = session.business.records.get(recordId)
    if (operation === 'create' && found) return ofCommand(refused('change_conflict'), command)
    if (operation !== 'create' && !found) return ofCommand(refused('unknown_record'), command)
    const before = found?.record ?? null
    const after = operation === 'delete' ? null : merged(before ?? { id: recordId }, data ?? {})
    const shown = {
      changeId: `chg${session.changes.length}`,
      repositoryType,
      operation,
      recordId,
      before,
      after,
      baseVersion: found ? 'some' : 0,
      author: operatorId,
    }
    const version = found?.version ?? 0
    const expiresAt = this.hours + HOURS_KEPT
    const change: Change = { shown, version, expiresAt, status: 'pending' }
    session.changes.push(change)
    const result = this.#shown(change)
    this.#announce(session, 'agent_change_pending', { change: result })
    return this.#announce(session, 'agent_command_result', { command, result, operatorId })
  }

  decide(at: number, index: number, reason?: string): Answer {
    const approves = reason === undefined
    const no = this.#refusal(at, approves ? 'change.approve' : 'change.reject')
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const change = session.changes[index]
    if (!change) return refused('unknown_change')
    const { status } = this.#shown(change)
    if (status === 'expired') return refused('change_expired')
    if (status !== 'pending') return refused('already_decided')
    const { business } = session
    const { changeId, recordId, after } = change.shown
    const id = String(recordId)
    if (approves) {
      const version = business.records.get(id)?.version ?? 0
      if (version !== change.version) return refused('change_conflict')
      business.versions += 1
      if (after === null) business.records.delete(id)
      else business.records.set(id, { record: after as Json, version: business.versions })
    }
    Object.assign(change.shown, { decidedBy: operatorId, ...(approves ? {} : { reason }) })
    change.status = approves ? 'approved' : 'rejected'
    const event = `agent_changes_${change.status}`
    return this.#announce(session, event, { changeId, change: this.#shown(change), operatorId })
  }

  listChanges(
    at: number,
    { status, limit, after }: { status?: string; limit?: number; after?: number },
  ): Answer {
    const command = 'list_changes'
    const no = this.#refusalOfCommand(at, 'change.*', command)
    if (no) return no
    const { session, operatorId } = this.slot(at)
    const later = session.changes.slice(after === undefined ? 0 : after + 1)
    const all = later.map((change) => this.#shown(change))
    const matching = all.filter((change) => status === undefined || change['status'] === status)
    const changes = matching.slice(0, limit)
    const next = changes.length < matching.length ? changes.at(-1)?.['changeId'] : null
    const result = { changes, next }
    return { status: 'ok', response: { success: true, command, result, operatorId } }
  }

  #shown({ shown, status, expiresAt }: Change): Json {
    const isOver = status === 'pending' && this.hours >= expiresAt
    return { ...shown, status: isOver ? 'expired' : status }
  }

  /** In the order of contract 5.4. */
  #refusal(at: number, permission: string): Answer | undefined {
    const { isAuthenticated, permissions } = this.slot(at)
    if (!isAuthenticated) return refused('not_authenticated')
    const isFamily = permission === 'change.*'
    const has = [...permissions].some(
      (name) => name === permission || (isFamily && /^change\./.test(name)),
    )
    return has ? undefined : refused('permission_denied')
  }

  #refusalOfCommand(at: number, permission: string, command: string): Answer | undefined {
    const no = this.#refusal(at, 'command.execute') ?? this.#refusal(at, permission)
    // Who is nobody yet does not hear whether there is such a command.
    return no?.response['code'] === 'not_authenticated' ? no : no && ofCommand(no, command)
  }

  /** Numbers an event and gives it to every authenticated socket of the session. */
  #announce(session: Session, event: string, said: Json): Answer {
    const payload = { success: true, ...said, seq: session.events.length + 1 }
    const numbered = { event, payload, at: this.hours }
    session.events.push(numbered)
    for (const slot of this.slots) {
      const hears = slot.isJoined && slot.isAuthenticated && slot.session === session
      if (hears) slot.received.push(numbered)
    }
    return { status: 'ok', response: payload }
  }
}

const unknown = (repositoryType: string): Answer | undefined =>
  repositoryType === REPOSITORY ? undefined : refused('unknown_repository')

/** Top level; null deletes. */
function merged(before: Json, data: Json): Json {
  const all = Object.entries({ ...before, ...data })
  return Object.fromEntries(all.filter(([, value]) => value !== null))
}
