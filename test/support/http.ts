import {
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
} from 'node:http'
import { within } from './deadline.ts'

const ANSWER_MS = 20_000

/** An HTTP request; a GET on a connection of its own unless told. */
export interface PlainRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Keeps the connection. */
  readonly agent?: Agent
  /** Drops the connection. */
  readonly signal?: AbortSignal
}

export interface PlainAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Sends one request. Rejects where no answer comes. */
export function ask(url: string | URL, asked: PlainRequest = {}): Promise<PlainAnswer> {
  const { method = 'GET', headers = {}, body = '', agent = false, signal } = asked
  const sent = request(url, {
    method,
    headers: { 'content-length': Buffer.byteLength(body), ...headers },
    agent,
    ...(signal && { signal }),
  })
  return answerTo(sent, url, body)
}

/** The headers of a good WebSocket handshake. */
const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/**
 * Asks for a WebSocket by plain HTTP and returns the answer, refusals with their body. `headers` are
 * added to a good handshake; undefined takes one out. An accepted connection is cut.
 */
export function openUpgrade(
  url: string,
  headers: Readonly<Record<string, string | undefined>> = {},
): Promise<PlainAnswer> {
  const wanted = Object.entries({ ...HANDSHAKE, ...headers })
  const sent = Object.fromEntries(wanted.filter(([, value]) => value !== undefined))
  return answerTo(request(url.replace(/^ws/, 'http'), { headers: sent, agent: false }), url)
}

const answered = ({ statusCode = 0, headers }: IncomingMessage, body: string): PlainAnswer => ({
  status: statusCode,
  headers,
  body,
})

function answerTo(sent: ClientRequest, url: string | URL, body: string | Uint8Array = '') {
  const answer = new Promise<PlainAnswer>((resolve, reject) => {
    sent.once('error', reject)
    sent.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve(answered(response, ''))
    })
    sent.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.once('error', reject)
      response.once('end', () => resolve(answered(response, text)))
    })
  })
  sent.end(body)
  return within(answer, ANSWER_MS, `an answer from ${url}`).finally(() => sent.destroy())
}
