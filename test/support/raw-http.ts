import { connect, type Socket } from 'node:net'
import { within } from './deadline.ts'

const ANSWER_MS = 10_000

/** The head of a server's answer; header names in lower case. */
interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

/** Bytes on a connection of their own, as no HTTP library would send them. */
export function openTcp(url: string, bytes: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // What is wrong with it is told by `close`, too.
  socket.on('error', () => undefined)
  socket.write(bytes, 'latin1')
  return socket
}

/** Sends bytes and returns the heads of so many answers; rejects when the connection ends before. */
export function exchange(url: string, bytes: string, count = 1): Promise<readonly RawAnswer[]> {
  const socket = openTcp(url, bytes)
  let text = ''
  const answers = new Promise<readonly RawAnswer[]>((resolve, reject) => {
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part
      const heads = text.match(/HTTP\/1\.1 \d{3}.*?\r\n\r\n/gs) ?? []
      if (heads.length >= count) resolve(heads.map(parse))
    })
    socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)))
  })
  return within(
    answers,
    ANSWER_MS,
    () => `${count} answers, after ${JSON.stringify(text)}`,
  ).finally(() => socket.destroy())
}

function parse(head: string): RawAnswer {
  const [line = '', ...lines] = head.trimEnd().split('\r\n')
  const headers = new Map(
    lines.map((each) => {
      const colon = each.indexOf(':')
      return [each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim()] as const
    }),
  )
  return { status: Number(line.split(' ')[1]), headers }
}
