import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Recording } from './recording.ts'
import type { HttpPlan, HttpRecord } from './scenario.ts'

/** Longer than any long-poll window of the fixture. */
const ANSWER_MS = 20_000
/** A window that ends this much early still counts as whole, in milliseconds. */
const EARLY_MS = 50

/** One HTTP request of a play, on a connection of its own, which writes down its answer. */
export class RecordedRequest {
  readonly record: HttpRecord
  /** Resolves when it was answered, given up or has failed. */
  readonly done: Promise<void>
  readonly #request: ClientRequest
  readonly #recording: Recording
  readonly #plan: HttpPlan
  readonly #started = performance.now()

  constructor(base: URL, plan: HttpPlan, as: string | undefined, recording: Recording) {
    const named = as === undefined ? {} : { as }
    this.record = { step: recording.step, ...named, status: null, headers: {}, body: null }
    this.#recording = recording
    this.#plan = plan
    const body = bodyOf(plan, recording)
    this.#request = request({
      host: base.hostname,
      port: base.port,
      method: plan.method ?? 'GET',
      path: recording.normaliser.fill(plan.path),
      headers: headersOf(plan, recording, body),
      agent: false,
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    this.done = this.#answered()
    this.#request.end(body)
  }

  /** Drops the TCP connection. */
  abort(): void {
    this.record.aborted = true
    this.#request.destroy()
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#request.on('response', (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part
        })
        response.once('error', () => {})
        response.once('close', () => {
          this.#finish(response.statusCode, response.headers, body)
          resolve()
        })
      })
      this.#request.on('upgrade', (response, socket) => {
        this.#finish(response.statusCode, response.headers, '')
        socket.destroy()
        resolve()
      })
      this.#request.on('error', (error: NodeJS.ErrnoException) => {
        this.#recording.touch()
        if (!this.record.aborted && this.record.status === null) {
          this.record.status = 0
          this.record.error = error.code ?? error.message
        }
        resolve()
      })
    })
  }

  #finish(status: number | undefined, received: IncomingHttpHeaders, text: string): void {
    const answer = this.#recording.normaliser.answer(received, text, this.#plan.save)
    this.#recording.touch()
    this.record.status = status ?? 0
    this.record.headers = answer.headers
    this.record.body = answer.body
    this.record.tookS = Math.floor((performance.now() - this.#started + EARLY_MS) / 1000)
  }
}

function bodyOf(plan: HttpPlan, recording: Recording): Buffer | undefined {
  const { body, bodyBase64, repeatBody = 1 } = plan
  const once =
    bodyBase64 === undefined
      ? body !== undefined && Buffer.from(recording.normaliser.fill(body))
      : Buffer.from(bodyBase64, 'base64')
  return once ? Buffer.concat(Array<Buffer>(repeatBody).fill(once)) : undefined
}

function headersOf(
  plan: HttpPlan,
  recording: Recording,
  body: Buffer | undefined,
): Record<string, string> {
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  const filled = Object.entries(plan.headers ?? {}).map(
    ([name, value]) => [name, recording.normaliser.fill(value)] as const,
  )
  return { ...length, ...Object.fromEntries(filled) }
}
