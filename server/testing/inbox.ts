import { inspect } from 'node:util'

/** Something that came, and was not asserted yet. `name` is the event, or of a reply the ref. */
export interface Arrival {
  readonly kind: 'push' | 'reply' | 'broadcast'
  readonly name: string
  /** Of a reply. */
  readonly status?: string
  readonly payload: unknown
}

const SHOWN = 20

/** A payload or a pattern, in one line of an error message. */
export const show = (value: unknown): string =>
  inspect(value, {
    depth: 6,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: SHOWN,
    maxStringLength: 200,
  })

const line = ({ kind, name, status, payload }: Arrival): string =>
  kind === 'reply'
    ? `reply ${status} to ${name} ${show(payload)}`
    : `${kind} "${name}" ${show(payload)}`

/** What came and waits to be asserted, oldest first: each is handed out once. */
export class Inbox {
  readonly #arrivals: Arrival[] = []

  put(arrival: Arrival): void {
    this.#arrivals.push(arrival)
  }

  find(test: (arrival: Arrival) => boolean): Arrival | undefined {
    return this.#arrivals.find(test)
  }

  take(test: (arrival: Arrival) => boolean): Arrival | undefined {
    const at = this.#arrivals.findIndex(test)
    return at < 0 ? undefined : this.#arrivals.splice(at, 1)[0]
  }

  /** The newest, one in a line, for an error message. */
  get lines(): readonly string[] {
    const hidden = this.#arrivals.length - SHOWN
    const shown = this.#arrivals.slice(-SHOWN).map(line)
    return hidden > 0 ? [`… ${hidden} more`, ...shown] : shown
  }
}
