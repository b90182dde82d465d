import { Reply } from '../channel/result.ts'
import type { Head } from '../protocol/message.ts'
import { isPromise } from '../protocol/promise.ts'
import type { ChannelProcess } from './channel-process.ts'
import type { Shared } from './owner.ts'

/** Whose join it is. */
export interface Joiner {
  readonly shared: Shared
  readonly isClosed: boolean
  /** The channel was let in: its topic is its own. */
  admit(process: ChannelProcess): void
  /** Whether its topic still is. */
  has(process: ChannelProcess): boolean
  reply(head: Head, ref: unknown, status: string, response: unknown): void
  /** Something failed that is no channel's. */
  crashed(error: unknown): void
}

/** A join on its way: the channel's `join` is asked, then the client is told. */
export class Attempt {
  readonly #joiner: Joiner
  readonly #process: ChannelProcess
  readonly #ref: unknown
  /** The channel whose place it takes. */
  readonly #victim: ChannelProcess | undefined
  readonly #startedAt = performance.now()
  #isAsking = false

  constructor(
    joiner: Joiner,
    process: ChannelProcess,
    ref: unknown,
    victim: ChannelProcess | undefined,
  ) {
    this.#joiner = joiner
    this.#process = process
    this.#ref = ref
    this.#victim = victim
  }

  /** The promise, which never rejects, is of an asynchronous `join`. */
  run(payload: unknown): Promise<void> | undefined {
    let running: ReturnType<ChannelProcess['join']>
    try {
      running = this.#process.join(payload)
    } catch (error) {
      this.#failed(error)
      return undefined
    }
    const { result, flowing } = running
    if (isPromise(result)) return this.#decideLater(result, payload, flowing)
    this.#decide(result, payload, flowing)
    return undefined
  }

  /** The connection has ended: a `join` that still runs holds nothing any more. */
  abandon(): void {
    if (this.#isAsking) this.#process.abandoned()
  }

  async #decideLater(
    result: PromiseLike<unknown>,
    payload: unknown,
    flowing: Promise<void> | undefined,
  ): Promise<void> {
    this.#isAsking = true
    const [outcome] = await Promise.allSettled([result])
    this.#isAsking = false
    try {
      if (outcome.status === 'fulfilled') this.#decide(outcome.value, payload, flowing)
      else this.#failed(outcome.reason)
    } catch (error) {
      this.#joiner.crashed(error)
    }
  }

  #decide(result: unknown, payload: unknown, flowing: Promise<void> | undefined): void {
    if (!(result instanceof Reply) || result.kind === 'custom') {
      this.#failed(new TypeError('join returned something else than ok(…) or error(…)'))
      return
    }
    this.#report(result.kind, payload)
    if (result.kind === 'error') this.#refuse(result.response)
    else this.#accept(result.assigns, result.response, flowing)
  }

  #refuse(response: unknown): void {
    this.#process.refused({ type: 'refused' })
    this.#tell('error', response)
  }

  #accept(assigns: object, response: unknown, flowing: Promise<void> | undefined): void {
    const process = this.#process
    process.accepted(assigns)
    if (this.#joiner.isClosed) {
      process.closed('closed')
      return
    }
    this.#joiner.admit(process)
    const welcome = () => this.#welcome(response)
    if (!flowing) welcome()
    else void flowing.then(welcome).catch((error: unknown) => this.#joiner.crashed(error))
  }

  /**
   * Messages of other nodes flow: the join is answered. Meanwhile other frames of the connection were taken,
   * those of this topic waited, and a leave of the connection or another join may have ended it.
   */
  #welcome(response: unknown): void {
    if (!this.#joiner.has(this.#process)) return
    this.#process.joined()
    this.#tell('ok', response)
    this.#process.open()
  }

  #failed(error: unknown): void {
    this.#joiner.shared.telemetry.crashed.publish({ topic: this.#process.topic, error })
    this.#process.refused({ type: 'crashed', error })
    this.#tell('error', { reason: 'join crashed' })
  }

  /** The answer to the join; then the end of the channel whose place it was about. */
  #tell(status: 'ok' | 'error', response: unknown): void {
    if (this.#joiner.isClosed) return
    this.#joiner.reply(this.#process.head, this.#ref, status, response)
    this.#victim?.sendClose()
  }

  #report(result: 'ok' | 'error', params: unknown): void {
    const { topic } = this.#process
    const durationMs = performance.now() - this.#startedAt
    this.#joiner.shared.telemetry.joined.publish({ topic, result, params, durationMs })
  }
}
