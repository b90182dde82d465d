/**
 * Commands that their client has named (`commandId`): each runs once in its session, and whoever sends it again
 * is answered with its outcome, on any node and after a crash (contract 6).
 *
 * A claim is kept before the command runs, and its outcome before it is answered; that of an atomic command in
 * the one commit that is its effect. Whoever holds no claim any more, or has one with an outcome, commits nothing.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Agent } from '../agent.ts'
import { changeState, NOTHING, together } from '../commit.ts'
import { jsonBytes } from '../json-bytes.ts'
import { invalid, Refusal, refusal } from '../refusal.ts'
import type { CommitPart } from '../repository/transactional.ts'
import type { Document, SessionKey } from '../store/store.ts'
import { claimRef, type Place, remembering, runningUntil, weighing } from './claim-log.ts'
import type { Command } from './command.ts'
import { type KeptOutcome, kept, type Outcome, revived } from './outcome.ts'
import type { Run, RunningCommands } from './run.ts'

/** An outcome with more bytes is not kept, as one that nobody knows is not. */
const MAX_OUTCOME_BYTES = 1_048_576
/** Beyond its timeout a command needs a moment to keep its outcome. */
const GRACE_MS = 10_000
/** How often a lost race for the claim is run again. */
const ATTEMPTS = 16
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000

/** A claim as it is kept. */
export interface Claim {
  readonly command: string
  /** Digest of the parameters. */
  readonly parameters: string
  readonly operatorId: string
  /** Where it runs, and as which run of that node. */
  readonly node: string
  readonly run: string
  /** By then it has ended, by the store's time. */
  readonly until: number
  /** Its place in the log. */
  readonly entry: string
  readonly outcome?: KeptOutcome
}

/** Where a named command is: `mine` to run now, run by another request, or done. */
export type Standing = 'mine' | Claim | { readonly outcome: Outcome }

/** Who sent a request: calls `gone` where it goes before `work` is done, or has gone already. */
export interface Asker {
  whilePresent(work: Promise<void>, gone: () => void): Promise<void>
}

/** What its last commit has to contain, and what its outcome is then: an earlier one, where one is kept. */
export interface Ending {
  readonly part: CommitPart
  readonly outcome: Outcome
}

/** The same for objects whose members come in another order. */
const digest = (parameters: unknown): string =>
  createHash('sha256').update(JSON.stringify(parameters, ordered)).digest('base64url')

function ordered(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const claimOf = (document: Document | undefined) => document?.value as Claim | undefined

/** The claim of a name, or undefined. */
export async function findClaim(
  { store }: Agent,
  session: SessionKey,
  commandId: string,
): Promise<Claim | undefined> {
  return claimOf(await store.get(session, claimRef(commandId)))
}

/** Whether a claimed command can still come to an outcome. */
export async function isRunning(
  { store }: Agent,
  running: RunningCommands,
  session: SessionKey,
  { node, run, until }: Claim,
): Promise<boolean> {
  if (node === running.nodes.id) return running.get(run) !== undefined
  return running.nodes.isAlive(node) && (await store.now(session)) < until
}

export class NamedCommand {
  readonly commandId: string
  readonly #agent: Agent
  readonly #running: RunningCommands
  readonly #run: Run
  readonly #session: SessionKey
  readonly #command: Command
  readonly #parameters: string

  /** One request for it: `run`. */
  constructor(
    agent: Agent,
    running: RunningCommands,
    run: Run,
    request: { readonly commandId: string; readonly command: Command; readonly parameters: object },
  ) {
    this.commandId = request.commandId
    this.#agent = agent
    this.#running = running
    this.#run = run
    this.#session = run.actor.session
    this.#command = request.command
    this.#parameters = digest(request.parameters)
  }

  /** Claims it, where nobody has. Refused where the name is that of something else. */
  async claim(): Promise<Standing | Refusal> {
    for (let left = ATTEMPTS; left > 0; left -= 1) {
      const found = await this.#find()
      const standing = await this.#judge(claimOf(found))
      if (standing !== 'mine' || (await this.#take(found))) return standing
    }
    return refusal('unavailable')
  }

  /** Waits for another request's outcome, or until it is this one's to run, as long as who asked is there. */
  async follow(standing: Standing, asker: Asker): Promise<Exclude<Standing, Claim>> {
    let now: Standing | Refusal = standing
    for (let ms = FIRST_PAUSE_MS; now !== 'mine'; ms = Math.min(2 * ms, MAX_PAUSE_MS)) {
      if (now instanceof Refusal) return { outcome: now }
      if (!('run' in now)) return now
      const gone = () => this.#run.stop('command_cancelled')
      await asker.whilePresent(this.#pause(ms, now), gone)
      // Before it could take over what it is not to run any more.
      if (this.#run.signal.aborted) return { outcome: refusal('unavailable') }
      now = await this.claim()
    }
    return 'mine'
  }

  /** What ends it with this outcome. `isEffect`: the commit keeps as much anyway, so its size is none too large. */
  async ending(outcome: Outcome, isEffect = false): Promise<Ending> {
    const found = await this.#find()
    const claim = claimOf(found)
    const expect = [{ ref: claimRef(this.commandId), version: found?.version ?? 0 }]
    // Forgotten meanwhile.
    if (!claim) return { part: { ...NOTHING, expect }, outcome }
    // Somebody believed this node to be dead.
    if (claim.run !== this.#run.id) return { part: NOTHING, outcome: refusal('unavailable') }
    if (claim.outcome) return { part: NOTHING, outcome: revived(claim.outcome) }
    const ended: Claim = { ...claim, until: 0 }
    const { entry } = claim
    const bytes = jsonBytes(kept(outcome))
    const isUnknown = outcome instanceof Refusal && outcome.code === 'unavailable'
    if (isUnknown || (bytes > MAX_OUTCOME_BYTES && !isEffect)) {
      const put = [this.#put(ended), runningUntil(entry, this.commandId, 0)]
      return { part: { ...NOTHING, expect, put }, outcome }
    }
    const put = [this.#put({ ...ended, outcome: kept(outcome) })]
    const weight = await weighing(this.#agent, this.#session, this.commandId, entry, bytes)
    return { part: together({ ...NOTHING, expect, put }, weight), outcome }
  }

  /** Keeps the outcome. Resolves with what it is. */
  async settle(outcome: Outcome): Promise<Outcome> {
    const settled = await changeState(this.#agent, this.#session, async () => {
      const ending = await this.ending(outcome)
      return { commit: ending.part, result: ending.outcome }
    })
    return settled instanceof Refusal ? settled : settled.result
  }

  #find(): Promise<Document | undefined> {
    return this.#agent.store.get(this.#session, claimRef(this.commandId))
  }

  /** `mine`: it can be claimed. */
  async #judge(claim: Claim | undefined): Promise<Standing | Refusal> {
    if (!claim) return 'mine'
    if (claim.command !== this.#command.name || claim.parameters !== this.#parameters) {
      const problem = 'names another command, or the same with other parameters'
      return invalid('/payload', [{ path: '/commandId', problem }])
    }
    if (claim.outcome) return { outcome: revived(claim.outcome) }
    if (await isRunning(this.#agent, this.#running, this.#session, claim)) return claim
    // Its node died, or did not keep its outcome: what it has done is not known.
    return this.#command.atomic ? 'mine' : { outcome: refusal('unavailable') }
  }

  /** False: somebody else has, meanwhile. */
  async #take(expected: Document | undefined): Promise<boolean> {
    const { store } = this.#agent
    const taken = await changeState(this.#agent, this.#session, async () => {
      const [found, now] = await Promise.all([this.#find(), store.now(this.#session)])
      if (found?.version !== expected?.version) return refusal('unavailable')
      const until = now + this.#command.timeoutMs + GRACE_MS
      const { entry, part } = await this.#place(claimOf(found), now, until)
      const claim: Claim = {
        command: this.#command.name,
        parameters: this.#parameters,
        operatorId: this.#run.actor.operatorId,
        node: this.#running.nodes.id,
        run: this.#run.id,
        until,
        entry,
      }
      const expect = [{ ref: claimRef(this.commandId), version: found?.version ?? 0 }]
      const own = { expect, put: [this.#put(claim)], remove: [] }
      return { result: undefined, commit: together(own, part) }
    })
    return !(taken instanceof Refusal)
  }

  /** In the log: its own, where it has one from an earlier run. */
  async #place(known: Claim | undefined, now: number, until: number): Promise<Place> {
    const { commandId } = this
    if (!known) {
      return await remembering(this.#agent, this.#session, commandId, { now, until })
    }
    const put = [runningUntil(known.entry, commandId, until)]
    return { entry: known.entry, part: { ...NOTHING, put } }
  }

  #put(value: Claim): CommitPart['put'][number] {
    return { ref: claimRef(this.commandId), value }
  }

  /**
   * Until it ended here, or may have elsewhere, or nobody is to wait any more. Of all who wait here for another
   * node one looks; the others wait for that one.
   */
  async #pause(ms: number, { run: id }: Claim): Promise<void> {
    const { stopped, signal } = this.#run
    const awaited = this.#running.get(id) ?? this.#running.scout(this.#run, this.commandId)
    if (awaited !== this.#run) await Promise.race([awaited.ended, stopped])
    else await sleep(ms, undefined, { signal }).catch(() => undefined)
  }
}
