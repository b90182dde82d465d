import { expect } from 'chai'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'mocha'
import type { Agent } from '../../channels/agent/agent.ts'
import { type Asker, NamedCommand, type Standing } from '../../channels/agent/commands/named.ts'
import { Nodes } from '../../channels/agent/commands/nodes.ts'
import type { Done } from '../../channels/agent/commands/outcome.ts'
import { type Run, RunningCommands } from '../../channels/agent/commands/run.ts'
import { changeState, together } from '../../channels/agent/commit.ts'
import { KeyedQueue } from '../../channels/agent/keyed-queue.ts'
import { Refusal } from '../../channels/agent/refusal.ts'
import type { AgentStore, DocumentRef } from '../../channels/agent/store/store.ts'
import { createLocalPresence } from '../../server/presence/local.ts'
import type { Presence, PresenceOwner } from '../../server/presence/presence.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { own, SESSION, type StoreSetup } from './agent-store-setup.ts'

const ACTOR = { session: SESSION, operatorId: 'o1' }
const DAY_MS = 86_400_000
/** Longer than a test takes. */
const MOMENT_MS = 60_000
const LOG: DocumentRef = { scope: 'session', name: 'log', id: 'commands' }

/** A node that runs commands; what it had begun when it was killed may still try to end. */
interface TestNode {
  readonly agent: Agent
  readonly running: RunningCommands
  kill(): void
}

/** Who asked, and does not go. */
const STAYS: Asker = { whilePresent: (work) => work }

/** A request that was told to run its command. */
interface Holder {
  readonly node: TestNode
  readonly named: NamedCommand
  readonly run: Run
  readonly done: Done
}

function startNode(store: AgentStore, presence: Presence): TestNode {
  const owners: PresenceOwner[] = []
  const tracked: Pick<Presence, 'track' | 'getByKey'> = {
    track(owner, key, meta) {
      owners.push(owner)
      return presence.track(owner, key, meta)
    },
    getByKey: (at, key) => presence.getByKey(at, key),
  }
  const nodes = new Nodes(tracked as Presence, createLocalPubSub())
  return {
    // All that a claim needs of it.
    agent: { store, queue: new KeyedQueue() } as unknown as Agent,
    running: new RunningCommands(nodes),
    kill() {
      for (const owner of owners) presence.untrackAll(owner)
    },
  }
}

/** Several nodes on one store. */
class Scene {
  readonly store: AgentStore
  readonly #presence = createLocalPresence(createLocalPubSub())
  readonly nodes: TestNode[]
  readonly holders: Holder[] = []
  #requests = 0

  constructor(store: AgentStore, nodes = 1) {
    this.store = store
    this.nodes = Array.from({ length: nodes }, () => startNode(store, this.#presence))
  }

  node(at: number): TestNode {
    return this.nodes[at % this.nodes.length] as TestNode
  }

  /** Another one is in its place at once. */
  kill(at: number): void {
    this.node(at).kill()
    this.nodes[at % this.nodes.length] = startNode(this.store, this.#presence)
  }

  async effects(): Promise<readonly unknown[]> {
    const found = await this.store.list(SESSION, own('', 'effects'), { limit: 1_000 })
    return found.map(({ id, value }) => `${id.split(' ')[0]} ${value}`)
  }

  /** Sends a command; who is to run it holds it from then on. */
  async send(
    at: number,
    commandId: string,
    atomic: boolean,
    timeoutMs = 1_000,
  ): Promise<Standing | Refusal> {
    const request = this.request(at, commandId, atomic, timeoutMs)
    const standing = await request.named.claim()
    if (standing === 'mine') this.holders.push(request)
    else request.node.running.end(request.run, request.done)
    return standing
  }

  /** One that has claimed nothing yet. */
  request(at: number, commandId: string, atomic: boolean, timeoutMs = 1_000): Holder {
    const node = this.node(at)
    const { agent, running } = node
    const run = running.start(ACTOR)
    if (!run) throw new Error('too many commands')
    const command = {
      ...{ name: atomic ? 'atomic' : 'plain', description: '', audience: 'requester' as const },
      ...{ parameters: {}, timeoutMs, atomic, run: () => undefined },
    }
    const named = new NamedCommand(agent, running, run, { commandId, command, parameters: {} })
    this.#requests += 1
    return { node, named, run, done: { result: this.#requests, timestamp: '', operatorId: 'o1' } }
  }

  /** One that waits for a command of another node, and what it waits for. */
  async follow(at: number, commandId: string) {
    const request = this.request(at, commandId, true)
    const standing = await request.named.claim()
    if (standing instanceof Refusal) throw new Error(standing.code)
    return { run: request.run, followed: request.named.follow(standing, STAYS) }
  }

  /** Ends what a request runs, with an effect in the same commit. Whether it took place. */
  async finish({ node, named, run, done }: Holder): Promise<boolean> {
    let isOwn = false
    const { commandId } = named
    const effect = { ref: own(`${commandId} ${run.id}`, 'effects'), value: done.result }
    const ended = await changeState(node.agent, SESSION, async () => {
      const { part, outcome } = await named.ending(done)
      isOwn = outcome === done
      const commit = { expect: [], put: isOwn ? [effect] : [] }
      return { result: outcome, commit: together(commit, part) }
    })
    node.running.end(run, done)
    return isOwn && !(ended instanceof Refusal)
  }
}

const IDS = ['a', 'b'] as const
const isOf = (run: number, effect: unknown) => String(effect).slice(1).startsWith(`${run} `)

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ send: fc.constantFrom(...IDS), at: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ finish: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ kill: fc.nat(2) }) },
)
type Step = { send: string; at: number } | { finish: number } | { kill: number }

/** What each name came to, as long as it has. */
class Model {
  readonly outcomes = new Map<string, unknown>()
  /** Who was told last to run it: nobody else's effect takes place. */
  readonly #current = new Map<string, Holder>()

  async run(scene: Scene, next: Step, atomic: boolean): Promise<void> {
    if ('kill' in next) scene.kill(next.kill)
    else if ('finish' in next) await this.#finish(scene, next.finish)
    else await this.#send(scene, next.at, next.send, atomic)
  }

  async #finish(scene: Scene, at: number): Promise<void> {
    const [holder] = scene.holders.splice(at % Math.max(1, scene.holders.length), 1)
    if (!holder) return
    const { commandId } = holder.named
    const isFirst = this.#current.get(commandId) === holder && !this.outcomes.has(commandId)
    expect(await scene.finish(holder)).to.equal(isFirst)
    if (isFirst) this.outcomes.set(commandId, holder.done.result)
  }

  async #send(scene: Scene, at: number, commandId: string, atomic: boolean): Promise<void> {
    const standing = await scene.send(at, commandId, atomic)
    const known = this.outcomes.get(commandId)
    if (standing === 'mine') {
      expect(known).to.equal(undefined)
      this.#current.set(commandId, scene.holders.at(-1) as Holder)
    } else if ('outcome' in standing && !('run' in standing)) {
      const { outcome } = standing
      if (outcome instanceof Refusal) {
        expect([atomic, outcome.code, known]).to.deep.equal([false, 'unavailable', undefined])
      } else expect(outcome.result).to.equal(known)
    } else expect(known).to.equal(undefined)
  }
}

/** What is promised of named commands on any store. */
export function namedCommandContract(name: string, factory: () => Promise<StoreSetup>): void {
  describe(`named commands on ${name}`, () => {
    let setup: StoreSetup
    beforeEach(async () => {
      setup = await factory()
    })
    afterEach(() => setup.cleanup())

    for (const atomic of [true, false]) {
      const kind = atomic ? 'atomic' : 'plain'
      it(`${kind} ones have one effect, whatever is sent and killed, and all are told of it`, async function () {
        this.timeout(60_000)
        let runs = 0
        const steps = fc.array(step, { minLength: 10, maxLength: 30, size: 'max' })
        const property = fc.asyncProperty(steps, async (all) => {
          runs += 1
          const model = new Model()
          const scene = new Scene(setup.store, 3)
          const unique = (next: Step) =>
            'send' in next ? { ...next, send: `${next.send}${runs}` } : next
          for (const next of all) await model.run(scene, unique(next), atomic)
          const effects = (await scene.effects()).filter((each) => isOf(runs, each))
          expect(effects).to.have.members(
            [...model.outcomes].map(([commandId, result]) => `${commandId} ${result}`),
          )
        })
        await fc.assert(property, { numRuns: 40 })
      })
    }

    it('are forgotten a day later, when others come', async () => {
      const scene = new Scene(setup.store)
      await scene.send(0, 'old', false)
      await scene.finish(scene.holders[0] as Holder)
      setup.clock.advance(DAY_MS - MOMENT_MS)
      await scene.send(0, 'late', false)
      expect(await scene.send(0, 'old', false)).to.have.nested.property('outcome.result', 1)
      setup.clock.advance(MOMENT_MS)
      await scene.send(0, 'later', false)
      expect(await scene.send(0, 'old', false)).to.equal('mine')
    })

    it('are forgotten, the oldest first, when there are 10,000', async () => {
      const scene = new Scene(setup.store)
      await scene.send(0, 'first', false)
      await scene.send(0, 'second', false)
      for (const holder of [...scene.holders]) await scene.finish(holder)
      const log = (await setup.store.get(SESSION, LOG))?.value as object
      const full = { ref: LOG, value: { ...log, count: 10_000 } }
      await setup.store.commit(SESSION, { expect: [], put: [full] })
      await scene.send(0, 'third', false)
      expect(await scene.send(0, 'second', false)).to.have.property('outcome')
      expect(await scene.send(0, 'first', false)).to.equal('mine')
    })

    it('are forgotten, the oldest first, when their outcomes have more than 16 MiB', async () => {
      const scene = new Scene(setup.store)
      const result = 'x'.repeat(1_000_000)
      for (let at = 0; at < 18; at += 1) {
        await scene.send(0, `large${at}`, false)
        const holder = scene.holders[at] as Holder
        await scene.finish({ ...holder, done: { ...holder.done, result } })
      }
      expect(await scene.send(0, 'large17', false)).to.have.property('outcome')
      expect(await scene.send(0, 'large0', false)).to.equal('mine')
    })

    it('are not forgotten while they run, however old and many they are', async () => {
      const scene = new Scene(setup.store, 2)
      await scene.send(0, 'running', false, 2 * DAY_MS)
      await scene.send(0, 'done', false)
      await scene.finish(scene.holders[1] as Holder)
      const log = (await setup.store.get(SESSION, LOG))?.value as object
      const full = { ref: LOG, value: { ...log, count: 10_000 } }
      await setup.store.commit(SESSION, { expect: [], put: [full] })
      setup.clock.advance(DAY_MS)
      await scene.send(0, 'new', false)
      expect(await scene.send(1, 'running', false)).to.have.property('run')
      expect(await scene.send(1, 'done', false)).to.equal('mine')
    })

    it('are forgotten until the others’ outcomes have no more than 16 MiB, however small they are', async () => {
      const scene = new Scene(setup.store)
      const result = 'x'.repeat(1_000_000)
      for (let at = 0; at < 100; at += 1) {
        await scene.send(0, `small${at}`, false)
        await scene.finish(scene.holders[at] as Holder)
      }
      for (let at = 0; at < 18; at += 1) {
        await scene.send(0, `large${at}`, false)
        const holder = scene.holders[100 + at] as Holder
        await scene.finish({ ...holder, done: { ...holder.done, result } })
      }
      expect(await scene.send(0, 'large2', false)).to.have.property('outcome')
      expect(await scene.send(0, 'large1', false)).to.equal('mine')
    })

    it('are not taken over by who waited for them and is told to stop', async () => {
      const scene = new Scene(setup.store, 2)
      await scene.send(0, 'a', true)
      const { run, followed } = await scene.follow(1, 'a')
      scene.kill(0)
      run.stop('command_cancelled')
      expect(await followed).to.have.nested.property('outcome.code', 'unavailable')
      expect(await scene.send(1, 'a', true)).to.equal('mine')
    })

    it('are waited for by many of a node, and taken over by one', async () => {
      const scene = new Scene(setup.store, 2)
      await scene.send(0, 'a', true)
      const all = [await scene.follow(1, 'a'), await scene.follow(1, 'a')]
      const { running } = scene.node(1)
      scene.kill(0)
      // Who looks is told to stop: the other one does so from then on.
      all[0]?.run.stop('command_cancelled')
      const outcome = await all[0]?.followed
      if (all[0]) running.end(all[0].run, (outcome as { outcome: Refusal }).outcome)
      expect(await all[1]?.followed).to.equal('mine')
    })

    it('whose claim is forgotten while they run end all the same', async () => {
      const scene = new Scene(setup.store)
      await scene.send(0, 'old', true)
      setup.clock.advance(DAY_MS)
      await scene.send(0, 'new', true)
      expect(await scene.finish(scene.holders[0] as Holder)).to.equal(true)
    })
  })
}
