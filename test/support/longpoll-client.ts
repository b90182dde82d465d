import { type IncomingHttpHeaders, request } from 'node:http'
import { decodeServerFrame, encodeClientPush, type WireMessage } from './client-codec.ts'
import { within } from './deadline.ts'

const ANSWER_MS = 20_000

/** An HTTP request to a long-poll URL; a GET unless told. */
export interface PlainRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Drops the connection. */
  readonly signal?: AbortSignal
}

export interface PlainAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Sends one request on a connection of its own. Rejects where no answer comes. */
export function ask(url: string | URL, asked: PlainRequest = {}): Promise<PlainAnswer> {
  const { method = 'GET', headers = {}, body = '', signal } = asked
  const sent = request(url, {
    method,
    headers: { 'content-length': Buffer.byteLength(body), ...headers },
    agent: false,
    ...(signal && { signal }),
  })
  const answer = new Promise<PlainAnswer>((resolve, reject) => {
    sent.once('error', reject)
    sent.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.once('error', reject)
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
      })
    })
  })
  sent.end(body)
  return within(answer, ANSWER_MS, `an answer from ${url}`).finally(() => sent.destroy())
}

/** What the body of an answer says. */
export interface Said {
  readonly status: unknown
  readonly token?: string
  readonly messages?: readonly string[]
}

export const said = ({ body }: PlainAnswer): Said => JSON.parse(body)

/** A push; missing refs are null. */
export interface Push {
  readonly topic: string
  readonly event: string
  readonly payload?: unknown
  readonly ref?: string
  readonly joinRef?: string
}

const encoded = ({ topic, event, payload = {}, ref, joinRef }: Push): string => {
  const absent = payload instanceof Uint8Array ? '' : null
  const frame = encodeClientPush('v2', {
    topic,
    event,
    payload,
    ref: ref ?? absent,
    joinRef: joinRef ?? absent,
  })
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
  async push(...messages: readonly Push[]): Promise<unknown> {
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
