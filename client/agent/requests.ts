/** A session's requests: each waits until it may be sent, is sent once at most, and always settles. */
import { type AgentError, notSent, refusedWith, unanswered } from './errors.ts'
import type { Link } from './link.ts'

interface Request {
  readonly event: string
  readonly payload: object
  readonly timeoutMs: number
  readonly timer: ReturnType<typeof setTimeout>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: AgentError) => void
}

export class Requests {
  readonly #link: Pick<Link, 'isOpen' | 'push'>
  /** Not sent yet, oldest first. phoenix.js would send them before the session is authenticated again. */
  readonly #held = new Set<Request>()
  readonly #sent = new Set<Request>()
  #hasEnded = false

  constructor(link: Pick<Link, 'isOpen' | 'push'>) {
    this.#link = link
  }

  /** The answer. Rejects with AgentError, after `timeoutMs` at the latest. */
  make(event: string, payload: object, timeoutMs: number): Promise<unknown> {
    if (this.#hasEnded) return Promise.reject(notSent())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#abandon(request), timeoutMs)
      const request: Request = { event, payload, timeoutMs, timer, resolve, reject }
      this.#held.add(request)
      this.flush()
    })
  }

  /** Sends what waits, as long as that is possible. */
  flush(): void {
    for (const request of this.#held) {
      if (!this.#link.isOpen) return
      this.#send(request)
    }
  }

  /** The connection is gone, and with it the answers. What was not sent yet still waits. */
  disconnected(): void {
    for (const request of this.#sent) this.#abandon(request)
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#hasEnded = true
    this.disconnected()
    for (const request of this.#held) this.#abandon(request)
  }

  #send(request: Request): void {
    this.#held.delete(request)
    this.#sent.add(request)
    try {
      this.#link
        .push(request.event, request.payload, request.timeoutMs)
        .receive('ok', (answer) => this.#settle(request, () => request.resolve(answer)))
        .receive('error', (refusal) => {
          this.#settle(request, () => request.reject(refusedWith(refusal)))
        })
    } catch (error) {
      // A payload that has no JSON form.
      this.#settle(request, () => request.reject(notSent(error)))
    }
  }

  #abandon(request: Request): void {
    const error = this.#held.has(request) ? notSent() : unanswered()
    this.#settle(request, () => request.reject(error))
  }

  #settle(request: Request, answer: () => void): void {
    this.#held.delete(request)
    this.#sent.delete(request)
    clearTimeout(request.timer)
    answer()
  }
}
