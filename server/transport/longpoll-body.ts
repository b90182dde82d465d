/** The messages in the body of a long-poll POST (protocol 4.3). */

/** What would be a frame of a WebSocket. */
export interface PostedMessage {
  readonly data: ArrayBuffer
  readonly isBinary: boolean
}

/** phoenix.js sends no more in one body; what comes beyond is not looked at. */
export const MAX_LINES = 100

const NEWLINE = 0x0a
const RETURN = 0x0d
const OPENING_BRACKET = 0x5b
const BASE64 = /^[A-Za-z\d+/]*={0,2}$/

/** Whether lines are messages of their own. Unlike in Phoenix, the media type may have parameters. */
export const isNdjson = (contentType: string | undefined): boolean =>
  contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/x-ndjson'

/**
 * A whole body is one text message; of ndjson, each line is one: JSON that begins with `[`, or the base64 of a
 * binary frame. Empty lines are skipped. Undefined where one of the first hundred is neither.
 */
export function readMessages(body: Buffer, asLines: boolean): readonly PostedMessage[] | undefined {
  if (!asLines || body.length === 0) return [{ data: copyOf(body), isBinary: false }]
  const messages: PostedMessage[] = []
  for (let from = 0; from < body.length && messages.length < MAX_LINES; ) {
    const newline = body.indexOf(NEWLINE, from)
    const end = newline < 0 ? body.length : newline
    const line = body.subarray(from, body[end - 1] === RETURN ? end - 1 : end)
    from = end + 1
    if (line.length === 0) continue
    const message = readLine(line)
    if (!message) return undefined
    messages.push(message)
  }
  return messages
}

function readLine(line: Buffer): PostedMessage | undefined {
  if (line[0] === OPENING_BRACKET) return { data: copyOf(line), isBinary: false }
  const text = line.toString('latin1')
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined
  return { data: copyOf(Buffer.from(text, 'base64')), isBinary: true }
}

/** Bytes of their own, from the first to the last: a small Buffer is a part of a larger one. */
function copyOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
