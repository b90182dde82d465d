import type { HttpResponse } from './uws.ts'

/** What a body is read from. */
export type BodySource = Pick<HttpResponse, 'onData' | 'close'>

/**
 * A body that is too large is read on and thrown away, so that the client comes to read its answer, up to so many
 * times the limit; then the connection is cut.
 */
const PATIENCE = 8

/**
 * Reads a request's body; undefined for one that is larger than `maxBytes`. Called in the handler's first turn.
 * `keeps` hears of each part, in bytes, before it is kept. What is returned ends it: nothing is kept or called any
 * more, as for who answers before the body is there.
 */
export function readBody(
  res: BodySource,
  maxBytes: number,
  done: (body: Buffer | undefined) => void,
  keeps: (bytes: number) => void = () => {},
): () => void {
  let parts: Buffer[] = []
  let bytes = 0
  let isOver = false
  const end = (): void => {
    isOver = true
    parts = []
  }
  res.onData((part, isLast) => {
    if (isOver) return
    bytes += part.byteLength
    const fits = bytes <= maxBytes
    if (fits) keeps(part.byteLength)
    if (isOver) return
    // uWS takes the part back when this returns.
    if (fits) parts.push(Buffer.from(part.slice(0)))
    else parts = []
    if (isLast) {
      const body = fits ? Buffer.concat(parts) : undefined
      end()
      done(body)
    } else if (bytes > PATIENCE * maxBytes) res.close()
  })
  return end
}
