/** Progress of commands on its way to the one socket that asked for them: it never fills that up. */
import { Broadcast, type Sent } from '../../server/index.ts'
import type { Agent } from './agent.ts'
import type { CommandProgress } from './contract.ts'
import { toJson } from './store/json.ts'

/** As JSON: what so many commands send at once is less than a socket may keep waiting. */
const MAX_BYTES = 16_384
/** Of one command; what comes faster is left out. */
const MAX_PER_SECOND = 1_000

/** The socket's side. */
export interface ProgressReader {
  readonly topic: string
  deliver(broadcast: Broadcast): Sent
  onceDrained(listener: () => void): void
}

/** One socket's. While it is behind, the newest of each command waits, and takes the place of the one before. */
export class ProgressOutlet {
  readonly #reader: ProgressReader
  readonly #waiting = new Map<string, Broadcast>()
  #isBehind = false

  constructor(reader: ProgressReader) {
    this.#reader = reader
  }

  /** `json`: that of a CommandProgress. */
  send(commandId: string, json: string): void {
    this.#deliver(commandId, Broadcast.encoded(this.#reader.topic, 'agent_command_progress', json))
  }

  /** The command is to be answered: what waits comes too late. */
  end(commandId: string): void {
    this.#waiting.delete(commandId)
  }

  #deliver(commandId: string, broadcast: Broadcast): void {
    if (this.#isBehind) {
      this.#waiting.set(commandId, broadcast)
    } else if (this.#reader.deliver(broadcast) === 'buffered') {
      this.#isBehind = true
      this.#reader.onceDrained(() => this.#drained())
    }
  }

  #drained(): void {
    this.#isBehind = false
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const [commandId, broadcast] of waiting) this.#deliver(commandId, broadcast)
  }
}

/** What one command says of itself, as long as it runs. */
export class Progress {
  readonly #outlet: ProgressOutlet
  readonly #about: Pick<CommandProgress, 'commandId' | 'command' | 'operatorId'>
  readonly #agent: Pick<Agent, 'now' | 'onError'>
  #step = 0
  #second = 0
  #inSecond = 0
  #hasFailed = false
  #hasEnded = false

  constructor(
    outlet: ProgressOutlet,
    about: Pick<CommandProgress, 'commandId' | 'command' | 'operatorId'>,
    agent: Pick<Agent, 'now' | 'onError'>,
  ) {
    this.#outlet = outlet
    this.#about = about
    this.#agent = agent
  }

  /**
   * Leaves out a value without JSON form and one that is too large, and tells `onError` of the first such. It never
   * throws: in a timer of the command's, nobody would catch that.
   */
  report(value: unknown): void {
    if (this.#hasEnded) return
    try {
      this.#report(value)
    } catch (error) {
      if (this.#hasFailed) return
      this.#hasFailed = true
      const message = `command ${this.#about.command}: a progress is left out`
      this.#agent.onError(new Error(message, { cause: error }))
    }
  }

  #report(value: unknown): void {
    const bytes = Buffer.byteLength(toJson(value))
    if (bytes > MAX_BYTES) {
      throw new RangeError(`progress of ${bytes} bytes: at most ${MAX_BYTES}`)
    }
    this.#step += 1
    const now = this.#agent.now()
    if (!this.#isInTime(now)) return
    const { commandId } = this.#about
    const payload: CommandProgress = {
      success: true,
      ...this.#about,
      step: this.#step,
      progress: value,
      timestamp: new Date(now).toISOString(),
    }
    this.#outlet.send(commandId, toJson(payload))
  }

  end(): void {
    this.#hasEnded = true
    this.#outlet.end(this.#about.commandId)
  }

  #isInTime(now: number): boolean {
    const second = Math.floor(now / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#inSecond = 0
    }
    this.#inSecond += 1
    return this.#inSecond <= MAX_PER_SECOND
  }
}
