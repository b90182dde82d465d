/** How the texts of environment variables are read: one kind of value each. */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { type PublicKey, parsePublicKeys } from '../auth/public-keys.ts'
import { isAddressRange } from '../limits/addresses.ts'
import { parseRedisUrl } from '../redis/url.ts'
import { compileOriginCheck } from '../transport/origin.ts'
import { isLoopback } from './loopback.ts'

/** How a variable's text is read. */
export interface Kind<T> {
  /** Continues the sentence `it must be …`. */
  readonly allowed: string
  /** Undefined: the text is not allowed. */
  readonly parse: (text: string) => T | undefined
}

const INTEGER = /^(?:0|[1-9]\d{0,14})$/
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[\w-]*[a-z\d_])?(?:\.[a-z\d_](?:[\w-]*[a-z\d_])?)*$/i
/** No control characters, no line ends. */
const PRINTABLE = /^\P{C}{1,200}$/u

export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `an integer from ${min} to ${max}`,
    parse(text) {
      const value = INTEGER.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    allowed: values.length === 1 ? `${values[0]}, or unset` : `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
  }
}

export const printable: Kind<string> = {
  allowed: '1 to 200 printable characters',
  parse: (text) => (PRINTABLE.test(text) ? text : undefined),
}

export const path: Kind<string> = {
  allowed: 'a path',
  parse: (text) => text,
}

export const host: Kind<string> = {
  allowed: 'an IP address (without brackets) or a host name',
  parse: (text) => (isIP(text) !== 0 || HOST_NAME.test(text) ? text : undefined),
}

/** A host as it stands in a URL. */
const isUrlHost = (text: string): boolean =>
  HOST_NAME.test(text) || isIPv4(text) || (/^\[.*\]$/.test(text) && isIPv6(text.slice(1, -1)))

/** Browsers send hosts in lower case, and hosts are compared as they are written. */
const commaList = (text: string): readonly string[] =>
  Object.freeze(text.split(',').map((entry) => entry.trim().toLowerCase()))

export const urlHosts: Kind<readonly string[]> = {
  allowed: 'a comma list of host names and IP addresses, IPv6 in brackets, all without a port',
  parse(text) {
    const hosts = commaList(text)
    return hosts.every(isUrlHost) ? hosts : undefined
  },
}

export const addressRanges: Kind<readonly string[]> = {
  allowed: 'none, or a comma list of IP addresses and of networks as 10.0.0.0/8',
  parse(text) {
    if (text === 'none') return Object.freeze([])
    const ranges = commaList(text)
    return ranges.every(isAddressRange) ? ranges : undefined
  },
}

export const origins: Kind<boolean | readonly string[]> = {
  allowed: 'true, false, or a comma list of https://a.com, //b.com:81 or //*.c.com',
  parse(text) {
    if (text === 'true' || text === 'false') return text === 'true'
    const entries = commaList(text)
    try {
      compileOriginCheck(entries, [])
      return entries
    } catch {
      return undefined
    }
  },
}

/** As it can stand in a header. */
export const bearerToken: Kind<string> = {
  allowed: '16 to 512 visible ASCII characters',
  parse: (text) => (/^[\x21-\x7e]{16,512}$/.test(text) ? text : undefined),
}

export const redisUrl: Kind<string> = {
  allowed: 'redis://… or rediss://…, or redis://h1,h2…?cluster=true',
  parse(text) {
    try {
      parseRedisUrl(text)
      return text
    } catch {
      return undefined
    }
  },
}

/** Its value is never printed, as its variable's name says what it is. */
export const secret = (minBytes: number): Kind<string> => ({
  allowed: `a secret of at least ${minBytes} bytes`,
  parse: (text) => (Buffer.byteLength(text) >= minBytes ? text : undefined),
})

export const publicKeys: Kind<readonly PublicKey[]> = {
  allowed:
    'public keys for RS256 (2048 bits or more), ES256 or EdDSA, in PEM (SPKI), JWK or JWK Set',
  parse: parsePublicKeys,
}

/** Who answers in the place of such a URL decides who everybody is: in the clear only on this machine. */
export const keySetUrl: Kind<string> = {
  allowed: 'https://…, or http://… on a loopback address, without a user name or a password',
  parse(text) {
    if (!URL.canParse(text)) return undefined
    const { protocol, hostname, username, password } = new URL(text)
    const isPrivate =
      protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/[[\]]/g, '')))
    return isPrivate && username === '' && password === '' ? text : undefined
  },
}

/** In keys, where braces would move the hash tag. */
export const redisPrefix: Kind<string> = {
  allowed: '1 to 64 of A-Z a-z 0-9 . _ -',
  parse: (text) => (/^[A-Za-z\d._-]{1,64}$/.test(text) ? text : undefined),
}
