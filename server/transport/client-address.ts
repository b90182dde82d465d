/** Whose request it is, where proxies stand between the client and this server. Pure. */
import { isIP } from 'node:net'
import { canonical } from '../limits/addresses.ts'

/** Whether an address is one of the operator's own proxies. */
export type TrustsProxy = (address: string) => boolean

const WITH_PORT = /^(?:([\d.]+)|\[(.*)\])(?::\d{1,5})?$/

/** The address of one entry of `X-Forwarded-For`, some of which have a port; undefined where there is none. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim()
  const [, v4, v6] = WITH_PORT.exec(text) ?? []
  const address = v4 ?? v6 ?? text
  return isIP(address) === 0 ? undefined : canonical(address)
}

/** Where a request comes from. */
export interface Peer {
  readonly address: string
  /** 0 where only a proxy knows. */
  readonly port: number
}

/**
 * The first address, from this server outwards, that is none of the operator's proxies: whatever stands before
 * it in `X-Forwarded-For` (its lines in order) anybody may have written. Where a trusted proxy names no address:
 * the proxy.
 */
export function peerBehind(peer: Peer, forwardedFor: readonly string[], trusts: TrustsProxy): Peer {
  const nearest = canonical(peer.address)
  let address = nearest
  if (forwardedFor.length > 0 && trusts(nearest)) {
    for (const hop of forwardedFor.join(',').split(',').reverse()) {
      const next = addressOf(hop)
      if (next === undefined) break
      address = next
      if (!trusts(next)) break
    }
  }
  return { address, port: address === nearest ? peer.port : 0 }
}
