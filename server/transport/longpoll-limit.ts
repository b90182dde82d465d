/** How many long-poll sessions there may be. */
import { BlockList, isIP } from 'node:net'

export interface SessionLimit {
  readonly maxSessions: number
  /**
   * From one address, as this server sees it. Undefined: 1,000 from one of the public Internet, any number from
   * another, which is a proxy's as often as a client's.
   */
  readonly maxSessionsPerAddress?: number | undefined
}

const MAX_PER_PUBLIC_ADDRESS = 1_000

const LOCAL = new BlockList()
for (const [address, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  LOCAL.addSubnet(address, prefix)
}
LOCAL.addAddress('::1', 'ipv6')
LOCAL.addSubnet('fc00::', 7, 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')

const isLocal = (address: string): boolean =>
  LOCAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Counts the sessions of one mount. */
export class SessionCount {
  readonly #limit: SessionLimit
  readonly #byAddress = new Map<string, number>()
  #all = 0

  constructor(limit: SessionLimit) {
    this.#limit = limit
  }

  /** False: there is no room for one more. Each that was let in has to be given back. */
  take(address: string): boolean {
    const here = this.#byAddress.get(address) ?? 0
    if (this.#all >= this.#limit.maxSessions || here >= this.#maxFrom(address)) return false
    this.#all += 1
    this.#byAddress.set(address, here + 1)
    return true
  }

  giveBack(address: string): void {
    const left = (this.#byAddress.get(address) ?? 0) - 1
    this.#all -= 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
  }

  #maxFrom(address: string): number {
    const set = this.#limit.maxSessionsPerAddress
    return set ?? (isLocal(address) ? Infinity : MAX_PER_PUBLIC_ADDRESS)
  }
}
