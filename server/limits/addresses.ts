/** Addresses of clients: which of them count as one, and sets of them. */
import { BlockList, isIP } from 'node:net'

const PREFIX = /^(?:0|[1-9]\d{0,2})$/

interface Range {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly prefix: number
}

/** An address, or one with a prefix length, as `10.0.0.0/8`. */
function rangeOf(text: string): Range | undefined {
  const [address = '', prefixText, ...more] = text.split('/')
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  // A zone is of one machine alone.
  if (
    version === 0 ||
    address.includes('%') ||
    more.length > 0 ||
    !PREFIX.test(prefixText ?? `${bits}`)
  )
    return undefined
  const prefix = Number(prefixText ?? bits)
  return prefix <= bits ? { address, family: `ipv${version as 4 | 6}`, prefix } : undefined
}

/** Whether `addressSet` takes it. */
export const isAddressRange = (text: string): boolean => rangeOf(text) !== undefined

/**
 * Whether an address is in one of the ranges; an IPv4 address that came over IPv6 is one of IPv4. Throws
 * TypeError for a range that is none.
 */
export function addressSet(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const text of ranges) {
    const range = rangeOf(text)
    if (!range) throw new TypeError(`no address and no range of them: ${text}`)
    list.addSubnet(range.address, range.prefix, range.family)
  }
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}

const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

/**
 * One text for each address: IPv6 as RFC 5952 writes it, without a zone, and IPv4 as itself also where IPv6 carries it.
 * Any other text stays as it is.
 */
export function canonical(address: string): string {
  if (isIP(address) !== 6) return address
  const [unzoned = ''] = address.split('%', 1)
  const compressed = new URL(`http://[${unzoned}]`).hostname.slice(1, -1)
  const [, high, low] = MAPPED.exec(compressed) ?? []
  if (high === undefined || low === undefined) return compressed
  const bytes = [high, low].flatMap((group) => {
    const number = Number.parseInt(group, 16)
    return [number >> 8, number & 255]
  })
  return bytes.join('.')
}

/**
 * What a client is counted by, from its canonical address: an IPv4 address is one, of IPv6 the network, /64, in
 * which each client has as many addresses as it likes.
 */
export function clientKey(address: string): string {
  return isIP(address) === 6 ? `${groupsOf(address).slice(0, 4).join(':')}::/64` : address
}

/** The eight groups of a canonical IPv6 address. */
function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = address.split('::')
  const parts = (text: string) => (text === '' ? [] : text.split(':'))
  if (tail === undefined) return parts(head)
  const [before, after] = [parts(head), parts(tail)]
  return [...before, ...Array(8 - before.length - after.length).fill('0'), ...after]
}
