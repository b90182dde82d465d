import type { AgentStore, SessionEvent, SessionKey } from '../../channels/agent/store/store.ts'
import { inPlaceOf } from '../support/in-place-of.ts'

/**
 * A store of Redis as the suite knows stores: whoever subscribed before a commit began has heard of its
 * event when it resolves, as if Redis took no time.
 */
export function asLocal(store: AgentStore): AgentStore {
  const ears = new Map<string, Ear>()
  const commits: Promise<unknown>[] = []

  const earOf = (session: SessionKey): Ear => {
    const name = JSON.stringify(session)
    const ear = ears.get(name) ?? new Ear(store, session)
    ears.set(name, ear)
    return ear
  }
  const commit: AgentStore['commit'] = async (session, what) => {
    const ear = what.event && earOf(session)
    await ear?.ready
    const result = await store.commit(session, what)
    if (!result.committed || !result.event) return result
    await ear?.hears(result.event.seq)
    return result
  }
  return inPlaceOf(store, {
    commit(session, what) {
      const committed = commit(session, what)
      commits.push(committed)
      return committed
    },
    async close() {
      await Promise.allSettled(commits)
      await store.close()
    },
  })
}

/** Hears one session. */
class Ear {
  readonly ready: Promise<void> | undefined
  readonly #waiting = new Map<number, () => void>()
  #heard = 0

  constructor(store: AgentStore, session: SessionKey) {
    const event = ({ seq }: SessionEvent): void => {
      this.#heard = seq
      this.#waiting.get(seq)?.()
    }
    this.ready = store.subscribe(session, { event, gap() {} }).ready
  }

  /** Resolves when it has heard of the event. */
  async hears(seq: number): Promise<void> {
    if (this.#heard >= seq) return
    await new Promise<void>((resolve) => this.#waiting.set(seq, resolve))
  }
}
