/** Judges all that a server writes on one connection, as it comes. */
import { decodeServerFrame, type Version, type WireMessage } from '../support/client-codec.ts'
import type { Attack } from './attacks.ts'
import { OPCODE, readServerFrame, type ServerFrame } from './websocket-frames.ts'

/** What the server, and uWebSockets.js before it, answers to HTTP requests. */
const STATUSES = new Set([101, 200, 400, 401, 403, 404, 405, 413, 429, 431, 500, 501, 503, 505])
const MAX_SHOWN = 200

/** What names a client, its topics and its session: too long to become another one by chance. */
const MARKER = /c[\da-f]{16}/g

/** How a server answers on a connection. Throws at the first byte that is none of the protocol's. */
export class ServerBytes {
  readonly messages: WireMessage[] = []
  readonly statuses: number[] = []
  /** The code of the server's close frame, 1005 where it has none; undefined before it comes. */
  closeCode: number | undefined
  readonly #foreign: ReadonlySet<string>
  readonly #version: Version
  readonly #mayCrash: boolean
  #isUpgraded = false
  #left: Buffer = Buffer.alloc(0)
  /** Bytes of an HTTP answer that are still to come. */
  #bodyLeft = 0

  /** `foreign` are the names of other clients, which must not come here. */
  constructor({ version, mayCrash }: Attack, foreign: ReadonlySet<string>) {
    this.#version = version
    this.#mayCrash = mayCrash
    this.#foreign = foreign
  }

  get isUpgraded(): boolean {
    return this.#isUpgraded
  }

  take(bytes: Buffer): void {
    this.#left = Buffer.concat([this.#left, bytes])
    while (this.#left.length > 0 && this.#next());
  }

  /** Whether there was a whole thing to judge. */
  #next(): boolean {
    if (this.#isUpgraded) return this.#frame()
    return this.#bodyLeft > 0 ? this.#body() : this.#response()
  }

  #frame(): boolean {
    const found = readServerFrame(this.#left)
    if (!found) return false
    if (this.closeCode !== undefined) throw new Error('a frame after the close frame')
    this.#left = found.rest
    this.#judge(found.frame)
    return true
  }

  #judge({ opcode, payload }: ServerFrame): void {
    if (opcode === OPCODE.ping || opcode === OPCODE.pong) return
    if (opcode === OPCODE.close) {
      this.closeCode = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      return
    }
    const raw = opcode === OPCODE.text ? utf8.decode(payload) : payload
    this.#refuseForeign(payload.toString('latin1'))
    const message = decodeServerFrame(this.#version, raw)
    const fault = this.#mayCrash ? undefined : faultIn(message)
    if (fault) throw new Error(`${fault}: ${payload.toString('utf8', 0, MAX_SHOWN)}`)
    this.messages.push(message)
  }

  /** Of plain HTTP only that it is HTTP, and whose it is. */
  #response(): boolean {
    const end = this.#left.indexOf('\r\n\r\n')
    if (end === -1) return false
    const head = this.#left.toString('latin1', 0, end)
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? []
    if (!STATUSES.has(Number(status)))
      throw new Error(`an answer that is ${head.slice(0, MAX_SHOWN)}`)
    this.statuses.push(Number(status))
    this.#refuseForeign(head)
    this.#bodyLeft = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
    this.#left = this.#left.subarray(end + 4)
    this.#isUpgraded = status === '101'
    return true
  }

  /** An answer to HEAD has a length, and the next answer in the place of a body. */
  #body(): boolean {
    const start = this.#left.toString('latin1', 0, 5)
    if (start !== 'HTTP/' && 'HTTP/'.startsWith(start)) return false
    if (start === 'HTTP/') {
      this.#bodyLeft = 0
      return true
    }
    const part = this.#left.subarray(0, this.#bodyLeft)
    this.#refuseForeign(part.toString('latin1'))
    this.#bodyLeft -= part.length
    this.#left = this.#left.subarray(part.length)
    return true
  }

  #refuseForeign(text: string): void {
    for (const [name] of text.matchAll(MARKER)) {
      if (this.#foreign.has(name)) throw new Error(`it was sent what belongs to ${name}`)
    }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What no input may lead to on the agent channel: a crash, or a failure of our own. */
function faultIn({ topic, event, payload }: WireMessage): string | undefined {
  if (typeof topic !== 'string' || !topic.startsWith('agent:')) return undefined
  if (event === 'phx_error') return 'the agent channel crashed'
  const said = payload as { readonly code?: unknown; readonly response?: object | null } | null
  const response = said?.response as { readonly code?: unknown; readonly reason?: unknown } | null
  if (said?.code === 'internal' || response?.code === 'internal') return 'an internal error'
  return response?.reason === 'join crashed' ? 'the join of the agent channel crashed' : undefined
}
