import type { HttpResponse } from './uws.ts'

/**
 * A body that is too large is read on and thrown away, so that the client comes to read its answer, up to so many
 * times the limit; then the connection is cut.
 */
const PATIENCE = 8

/** Reads a request's body; undefined for one that is larger than `maxBytes`. Called in the handler's first turn. */
export function readBody(
  res: HttpResponse,
  maxBytes: number,
  done: (body: Buffer | undefined) => void,
): void {
  let parts: Buffer[] = []
  let bytes = 0
  res.onData((part, isLast) => {
    bytes += part.byteLength
    // uWS takes the part back when this returns.
    if (bytes <= maxBytes) parts.push(Buffer.from(part.slice(0)))
    else parts = []
    if (isLast) done(bytes <= maxBytes ? Buffer.concat(parts) : undefined)
    else if (bytes > PATIENCE * maxBytes) res.close()
  })
}
