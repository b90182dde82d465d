import { decodeServerFrame, encodePush, type WireMessage, type WirePush } from './client-codec.ts'
import { ask, type PlainAnswer, type PlainRequest } from './http.ts'

/** What the body of an answer says. */
export interface Said {
  readonly status: unknown
  readonly token?: string
  readonly messages?: readonly string[]
}

export const said = ({ body }: PlainAnswer): Said => JSON.parse(body)

const encoded = (push: WirePush): string => {
  const frame = encodePush('v2', push)
  return typeof frame === 'string' ? frame : Buffer.from(frame).toString('base64')
}

export const NDJSON = { 'content-type': 'application/x-ndjson' }

/** One session, asked step by step: every request is on a connection of its own, at any of `urls` in turn. */
export class LongPollClient {
  readonly token: string
  /** Everything that polls brought, oldest first. */
  readonly frames: WireMessage[] = []
  readonly #urls: readonly URL[]
  #turn = 0

  /** A session that there is already. */
  constructor(servers: readonly string[], token: string) {
    this.#urls = servers.map((server) => new URL('/socket/longpoll?vsn=2.0.0', server))
    this.token = token
  }

  /** Begins a session at the first of the servers (`http://…`). Rejects when it refuses. */
  static async open(servers: string | readonly string[], query = ''): Promise<LongPollClient> {
    const all = [servers].flat()
    const answer = said(await ask(`${all[0]}/socket/longpoll?vsn=2.0.0${query}`))
    if (answer.token === undefined) throw new Error(`refused: ${JSON.stringify(answer)}`)
    return new LongPollClient(all, answer.token)
  }

  /** The next of the servers, with the session's token. */
  url(): URL {
    const url = new URL(this.#urls[this.#turn % this.#urls.length] ?? '')
    this.#turn += 1
    url.searchParams.set('token', this.token)
    return url
  }

  /** One poll: what it says. Messages are kept in `frames`. */
  async poll(signal?: AbortSignal): Promise<Said> {
    const answer = said(await ask(this.url(), signal && { signal }))
    for (const message of answer.messages ?? []) {
      this.frames.push(decodeServerFrame('v2', message))
    }
    return answer
  }

  /** A poll that waits at the server when this resolves, if nothing waits for it. */
  async waitingPoll(signal?: AbortSignal): Promise<{ readonly said: Promise<Said> }> {
    const polling = this.poll(signal)
    polling.catch(() => undefined)
    await this.fence()
    return { said: polling }
  }

  /** Resolves when the server has taken notice of what was done before. */
  async fence(): Promise<void> {
    const status = await this.post('\n', NDJSON)
    if (status !== 200) throw new Error(`the fence’s POST says ${String(status)}`)
  }

  /** Polls until a frame matches, among all that came so far; returns it. */
  async until(matches: (frame: WireMessage) => boolean): Promise<WireMessage> {
    for (;;) {
      const found = this.frames.find(matches)
      if (found) return found
      const { status } = await this.poll()
      if (status !== 200 && status !== 204) throw new Error(`the poll says ${String(status)}`)
    }
  }

  /** Sends messages as phoenix.js does, in one body. Returns the status that the answer says. */
  async push(...messages: readonly WirePush[]): Promise<unknown> {
    return this.post(messages.map(encoded).join('\n'), NDJSON)
  }

  async post(body: string | Uint8Array, headers: PlainRequest['headers'] = {}): Promise<unknown> {
    return said(await ask(this.url(), { method: 'POST', body, headers })).status
  }

  /** Joins with `1` as both refs, and waits for the reply. */
  async join(topic: string, payload: object = {}): Promise<WireMessage> {
    const status = await this.push({ topic, event: 'phx_join', payload, ref: '1', joinRef: '1' })
    if (status !== 200) throw new Error(`the join’s POST says ${String(status)}`)
    return this.until(({ event, ref }) => event === 'phx_reply' && ref === '1')
  }
}
