import { expect } from 'chai'
import { type AgentClient, ok, rawAgent, text } from '../../support/agent-client.ts'
import { LongPollClient } from '../../support/longpoll-client.ts'
import { token } from '../../support/tokens.ts'
import { drafted, result } from '../agent/drafts.ts'
import { CANARY, COLLEAGUE, OWNER } from './tenants.ts'

/** What the owner did, by name: all of it is known to the attackers. */
export interface Traces {
  readonly modificationId: string
  readonly revertedId: string
  readonly pendingId: string
  readonly approvedId: string
  readonly rejectedId: string
  readonly foreignId: string
  readonly commandId: string
  readonly epoch: string
  readonly seq: number
}

/** The record with the owner's secrets: what it is called is known. */
export const RECORD = 'record-1'

const options = (sub: string) => ({
  params: { token: token({ businessId: OWNER.businessId, sub }) },
})

/** A connection of the owner's. */
const connect = (url: string, operatorId: string = OWNER.operatorId): Promise<AgentClient> =>
  rawAgent({ url }, { ...OWNER, operatorId }, options(operatorId))

async function leaveTraces(agent: AgentClient): Promise<Traces> {
  const modify = async () => {
    const value = [{ field: 'name', operation: 'filter', value: `${CANARY}-filter` }]
    return text(ok(await agent.queryModify('customers', value)), 'modificationId')
  }
  const draft = async (operation: string, parameters: object) =>
    text(await drafted(agent, operation, { recordId: RECORD, ...parameters }), 'changeId')
  const revertedId = await modify()
  ok(await agent.revert(revertedId))
  const modificationId = await modify()
  const data = { name: `${CANARY}-name` }
  const approvedId = await draft('create', { data })
  ok(await agent.approve(approvedId))
  const foreignId = await draft('create', { repositoryType: 'invoices', data: { number: CANARY } })
  ok(await agent.approve(foreignId))
  const rejectedId = await draft('update', { data: { name: `${CANARY}-rejected` } })
  ok(await agent.reject(rejectedId, `${CANARY}-reason`))
  const pendingId = await draft('update', { data: { name: `${CANARY}-pending` } })
  const announced = { value: `${CANARY}-announced` }
  const command = ok(await agent.execute('announce', announced, { commandId: 'owners-command' }))
  const welcome = ok(await agent.authenticate())
  return {
    ...{ modificationId, revertedId, pendingId, approvedId, rejectedId, foreignId },
    commandId: text(command, 'commandId'),
    epoch: text(welcome, 'epoch'),
    seq: Number(welcome['seq']),
  }
}

/** The first tenant, at work on every node. */
export class Owner {
  readonly traces: Traces
  /** On each node one; the last is its colleague. */
  readonly #watchers: readonly AgentClient[]
  readonly #urls: readonly string[]
  readonly #pollTokens: string[] = []

  private constructor(urls: readonly string[], traces: Traces, watchers: readonly AgentClient[]) {
    this.#urls = urls
    this.traces = traces
    this.#watchers = watchers
  }

  static async at(urls: readonly string[]): Promise<Owner> {
    const watchers = await Promise.all(urls.map((url) => connect(url)))
    watchers.push(await connect(urls.at(-1) ?? '', COLLEAGUE))
    const [agent] = watchers
    if (!agent) throw new Error('nobody is there')
    const traces = await leaveTraces(agent)
    await Promise.all(watchers.map((watcher) => watcher.received(traces.seq)))
    return new Owner(urls, traces, watchers)
  }

  /** What nobody else may ever get a byte of. */
  get secrets(): readonly string[] {
    const { seq, ...ids } = this.traces
    return [CANARY, OWNER.businessId, ...Object.values(ids), ...this.#pollTokens]
  }

  /** Begins a session by long-polling, which lasts as long as it is polled. */
  async poll(operatorId: string = OWNER.operatorId): Promise<LongPollClient> {
    const query = new URLSearchParams(options(operatorId).params)
    const poller = await LongPollClient.open(this.#urls, `&${query}`)
    this.#pollTokens.push(poller.token)
    await poller.join(`agent:${OWNER.sessionId}`, { businessId: OWNER.businessId })
    return poller
  }

  /** Does one more thing, which everybody on the session hears of. */
  async act(): Promise<number> {
    const [agent] = this.#watchers
    if (!agent) throw new Error('nobody is there')
    const done = ok(await agent.execute('announce', { value: `${CANARY}-again` }))
    const seq = Number(done['seq'])
    await Promise.all(this.#watchers.map((watcher) => watcher.received(seq)))
    return seq
  }

  /** Its connections are as they were: open, and nobody's else has been heard on them. */
  async expectUndisturbed(): Promise<void> {
    for (const watcher of this.#watchers) {
      await watcher.fence()
      const seqs = watcher.seqs.map(Number)
      expect(seqs).to.deep.equal(seqs.map((_seq, at) => at + 1))
      expect(JSON.stringify(watcher.everything)).to.not.include('mallory')
      const events = new Set(watcher.log.map(({ event }) => event))
      expect([...events]).to.not.include.members(['phx_close', 'phx_error'])
    }
  }

  /** All that there is to see for a colleague who comes anew, on each node. */
  snapshot(): Promise<readonly object[]> {
    const { length } = this.#watchers
    return Promise.all(this.#urls.map((url) => snapshotAt(url, this.traces, length)))
  }
}

const NEWCOMER = 'carol'

/** Resolves when so many connections are present beside newcomers: with how many of each operator. */
async function present(agent: AgentClient, wanted: number): Promise<object> {
  const refs = new Map<unknown, string>()
  const each = (operators: unknown, act: (ref: unknown, operator: string) => void) => {
    for (const [operator, { metas }] of Object.entries(operators as Record<string, Metas>)) {
      if (operator !== NEWCOMER) for (const { phx_ref } of metas) act(phx_ref, operator)
    }
  }
  each(await agent.event('presence_state'), (ref, operator) => refs.set(ref, operator))
  while (refs.size !== wanted) {
    const { joins, leaves } = await agent.event('presence_diff')
    each(joins, (ref, operator) => refs.set(ref, operator))
    each(leaves, (ref) => refs.delete(ref))
  }
  return [...refs.values()].sort()
}

interface Metas {
  readonly metas: readonly { readonly phx_ref: string }[]
}

async function snapshotAt(url: string, { epoch }: Traces, wanted: number): Promise<object> {
  const who = { ...OWNER, operatorId: NEWCOMER }
  const agent = await rawAgent({ url }, who, { ...options(NEWCOMER), authenticated: false })
  const { timestamp, ...welcome } = ok(await agent.authenticate({ lastSeq: 0, epoch }))
  const records = []
  for (const repositoryType of ['customers', 'services', 'invoices', 'appointments']) {
    records.push(await result(agent, 'run_query', { repositoryType }))
  }
  const seen = {
    welcome,
    events: agent.numbered,
    present: await present(agent, wanted),
    history: ok(await agent.history())['history'],
    changes: await result(agent, 'list_changes'),
    records,
  }
  agent.cut()
  return seen
}
