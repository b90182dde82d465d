import { SLOTS } from './slot.ts'
import type { RedisAddress } from './url.ts'

/** Slots that one master has; both ends are included. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly address: RedisAddress
}

/** Where a node of a cluster says that a key or channel is instead. */
export interface Redirect {
  readonly slot: number
  readonly address: RedisAddress
  /** For good; else for this command, while the slot is on its way. */
  readonly isMoved: boolean
}

const REDIRECT = /^(MOVED|ASK) (\d+) (\S+):(\d+)/

/** What an error reply says of another node; undefined for any other error. */
export function readRedirect(error: unknown): Redirect | undefined {
  const [, kind, slot, host, port] =
    REDIRECT.exec(error instanceof Error ? error.message : '') ?? []
  if (host === undefined || Number(slot) >= SLOTS) return undefined
  return {
    slot: Number(slot),
    address: { host, port: Number(port) },
    isMoved: kind === 'MOVED',
  }
}

/** The masters in a reply to CLUSTER SLOTS. A node that names no host has the one it was `asked` by. */
export function readMasters(reply: unknown, asked: string): readonly SlotRange[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((range: unknown) => {
    const [from, to, master] = Array.isArray(range) ? range : []
    const [host, port] = Array.isArray(master) ? master : []
    if (typeof port !== 'number' || !isSlot(from) || !isSlot(to) || host === '?') return []
    const known = typeof host === 'string' && host !== '' ? host : hostOf(asked)
    return [{ from, to, address: { host: known, port } }]
  })
}

function isSlot(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < SLOTS
}

function hostOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}
