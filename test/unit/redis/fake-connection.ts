import { mock } from 'node:test'
import type { Argument, Connection, ConnectionEvents } from '../../../server/redis/link.ts'
import { Queue } from '../../support/queue.ts'

/** A command that was sent, and how it is to be answered. */
export interface Sent {
  readonly command: string
  answer(value?: unknown): void
  fail(name: string, message: string): void
}

/** The client library, by hand: what was sent waits in `sent`, and `events` tells what the library would. */
export class FakeConnection implements Connection {
  readonly sent = new Queue<Sent>(({ command }) => command)
  readonly events: ConnectionEvents
  resets = 0
  isClosed = false

  constructor(events: ConnectionEvents) {
    this.events = events
  }

  call(name: string, args: readonly Argument[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.sent.push({
        command: [name, ...args].join(' '),
        answer: resolve,
        fail: (kind, message) => reject(Object.assign(new Error(message), { name: kind })),
      })
    })
  }

  reset(): void {
    this.resets += 1
  }

  close(): void {
    this.isClosed = true
  }

  /** The commands not looked at yet, PINGs left out. */
  get commands(): string[] {
    return this.sent.unclaimed.map(({ command }) => command).filter((name) => name !== 'ping')
  }
}

/** Lets time go by, and what became due run to its end. */
export async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  await turn()
}

/** Timers are mocked, this is not: all promises and immediates that are due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => realSetImmediate(() => realSetImmediate(resolve)))
}

const realSetImmediate = setImmediate
