/** An HTTP request without its body, as plain data: copied out of uWS's own object before anything is awaited. */
import type { Peer } from './client-address.ts'

/** Names are lower-case; a header sent on several lines is listed as often, in order. */
export type Headers = readonly (readonly [name: string, value: string])[]

export interface RequestHead {
  readonly method: string
  /** As sent: neither decoded nor normalised. */
  readonly path: string
  /** What follows `?`, undecoded; empty without one. */
  readonly query: string
  readonly headers: Headers
  /** As this server sees it: `http` behind a proxy that ends TLS. */
  readonly scheme: 'http' | 'https'
  /** The client, also behind a proxy that is trusted. */
  readonly peer: Peer
}

/** Every value of one header, one per line of the request. */
export function headerLines(request: RequestHead, name: string): readonly string[] {
  return request.headers.filter(([each]) => each === name).map(([, value]) => value)
}

/** One header's value, several lines joined as RFC 9110 (5.3) does; undefined where it is absent. */
export function header(request: RequestHead, name: string): string | undefined {
  const lines = headerLines(request, name)
  return lines.length === 0 ? undefined : lines.join(', ')
}

/** The entries of a comma-separated header, trimmed, without empty ones. */
export function commaList(value: string): readonly string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
