/** Which web pages may connect: Phoenix's `check_origin` (protocol 1.7). */

/** A parsed origin. An IPv6 host keeps its brackets; the port is the scheme's where none is written. */
export interface Origin {
  readonly scheme: string | null
  /** Null where the text has none (`null`), empty for `file://`. */
  readonly host: string | null
  readonly port: number | null
}

/**
 * `true`: the host is one of the server's own. `false`: any origin. `'conn'`: scheme, host and port are those
 * of the request. A list: one of `https://a.com`, `//b.com:81`, `//*.c.com` matches. A function decides
 * alone, also about origins without a host; anything but `true` refuses.
 */
export type OriginOption = boolean | 'conn' | readonly string[] | ((origin: Origin) => boolean)

/** `host` is the request's Host header, with or without a port. */
type Request = { readonly scheme: string; readonly host: string }
type Rule = (origin: Origin, request: Request) => boolean

/** `origin` is the Origin header; a request without one is always let through (C1.40). */
export type OriginCheck = (origin: string | undefined, request: Request) => boolean

const MAX_LENGTH = 1_024
const NOTHING: Origin = { scheme: null, host: null, port: null }
const DEFAULT_PORTS = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
])
/** `scheme://host:port`, the scheme optional, a path ignored. No user info, no escapes: browsers send none. */
const ORIGIN = /^(?:([a-z][a-z\d+.-]*):)?\/\/(\[[\da-f:.]+\]|[\w.~-]*)(?::(\d{0,5}))?(?:[/?#].*)?$/i
/** The `*.` of `//*.c.com`, in a list entry alone. */
const WILDCARD = /^([^/]*\/\/)\*\./

/**
 * The parts of an origin; all null for what is none. Unlike a WHATWG URL, the host keeps its case, by which
 * Phoenix compares it (C1.53).
 */
export function parseOrigin(text: string): Origin {
  const match = text.length > MAX_LENGTH ? null : ORIGIN.exec(text)
  if (!match) return NOTHING
  const scheme = match[1]?.toLowerCase() ?? null
  const port = match[3] ? Number(match[3]) : (DEFAULT_PORTS.get(scheme ?? '') ?? null)
  return { scheme, host: match[2] ?? null, port }
}

/** One entry of a list. Throws TypeError for an entry without a host (C1.54). */
function compileEntry(entry: string): Rule {
  const { scheme, host, port } = parseOrigin(entry.replace(WILDCARD, '$1'))
  if (!host) {
    throw new TypeError(
      `check_origin: ${JSON.stringify(entry)} is no origin; write https://a.com, //b.com:81 or //*.c.com`,
    )
  }
  const subdomains = WILDCARD.test(entry)
  return (origin) =>
    (scheme === null || origin.scheme === scheme) &&
    (port === null || origin.port === port) &&
    (origin.host === host || (subdomains && origin.host?.endsWith(`.${host}`) === true))
}

function sameAsRequest(origin: Origin, request: Request): boolean {
  const own = parseOrigin(`${request.scheme}://${request.host}`)
  return origin.host === own.host && origin.scheme === own.scheme && origin.port === own.port
}

/** The forms that look at a host, for origins that have one. */
function hostRule(option: true | 'conn' | readonly string[], hosts: readonly string[]): Rule {
  if (option === true) return (origin) => hosts.some((host) => host === origin.host)
  if (option === 'conn') return sameAsRequest
  const entries = option.map(compileEntry)
  return (origin, request) => entries.some((allows) => allows(origin, request))
}

/**
 * Compiles the option once, at start-up. `hosts` are the names by which users reach this server, an IPv6
 * address in brackets. Throws TypeError for a malformed list entry; the check throws only what a function
 * form throws.
 */
export function compileOriginCheck(option: OriginOption, hosts: readonly string[]): OriginCheck {
  if (option === false) return () => true
  if (typeof option === 'function') {
    return (origin) => origin === undefined || option(parseOrigin(origin)) === true
  }
  const allows = hostRule(option, hosts)
  return (text, request) => {
    if (text === undefined) return true
    const origin = parseOrigin(text)
    return Boolean(origin.host) && allows(origin, request)
  }
}
