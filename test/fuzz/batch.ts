/** Batches of attacks at once on one node, and what is left of a batch that hurts. */
import { type Attack, attacksOf } from './attacks.ts'
import { type Played, play } from './play.ts'
import { shrink } from './shrink.ts'
import { startTarget, type Target } from './target.ts'

/** For each try takes a node of its own, and up to a deadline. */
const SHRINK_MS = 90_000
const SHOWN_BYTES = 400
const SHOWN_ATTACKS = 5

export interface Sums {
  connections: number
  writes: number
  messages: number
  /** How often connections ended in which way. */
  readonly ends: Map<string, number>
}

export const noSums = (): Sums => ({ connections: 0, writes: 0, messages: 0, ends: new Map() })

function add(sums: Sums, { writes, messages, end }: Played): void {
  sums.connections += 1
  sums.writes += writes
  sums.messages += messages
  sums.ends.set(end, (sums.ends.get(end) ?? 0) + 1)
}

/** Plays the attacks at once, then asks whether anybody else noticed. Rejects where the server failed. */
async function strike(
  target: Target,
  attacks: readonly Attack[],
  sums: Sums = noSums(),
): Promise<void> {
  const markers = [target.marker, ...attacks.map(({ marker }) => marker)]
  const played = attacks.map((attack) => {
    const foreign = new Set(markers.filter((marker) => marker !== attack.marker))
    return play(target.url, attack, foreign)
  })
  const results = await Promise.allSettled(played)
  const faults = results.flatMap((result, index) => {
    if (result.status === 'rejected') return [`${attacks[index]?.marker}: ${String(result.reason)}`]
    add(sums, result.value)
    return []
  })
  try {
    await target.check()
  } catch (error) {
    // What everybody feels comes before what each one saw.
    faults.unshift(String(error))
  }
  if (faults.length > 0) throw new Error(faults.slice(0, 3).join('\n'))
}

/** A batch of attacks that a server did not withstand. */
export class BatchFailure extends Error {
  override readonly name = 'BatchFailure'
  readonly attacks: readonly Attack[]

  constructor(message: string, attacks: readonly Attack[]) {
    super(message)
    this.attacks = attacks
  }
}

/** Strikes with one batch of a seed; rejects with BatchFailure. */
export async function strikeBatch(
  target: Target,
  seed: number,
  batch: number,
  count: number,
  sums?: Sums,
): Promise<void> {
  const attacks = attacksOf(seed, batch, count)
  try {
    await strike(target, attacks, sums)
  } catch (error) {
    throw new BatchFailure(`wire fuzz, seed ${seed}, batch ${batch}: ${String(error)}`, attacks)
  }
}

/** The least of the attacks that a fresh node does not withstand either, found within a minute or two. */
export async function explain({ attacks }: BatchFailure): Promise<string> {
  const deadline = performance.now() + SHRINK_MS
  const inTime = async (some: readonly Attack[]) =>
    performance.now() < deadline && (await fails(some))
  if (!(await fails(attacks))) return 'a fresh node withstands this batch alone'
  const few = await shrink(attacks, inTime)
  const [only] = few
  if (!only || few.length > 1) return describe(few)
  const failsWith = (parts: Attack['parts']) => inTime([{ ...only, parts }])
  return describe([{ ...only, parts: await shrink(only.parts, failsWith) }])
}

/** On a fresh node each time. */
async function fails(attacks: readonly Attack[]): Promise<boolean> {
  const target = await startTarget()
  try {
    await strike(target, attacks)
    return false
  } catch {
    return true
  } finally {
    await target.stop()
  }
}

function describe(attacks: readonly Attack[]): string {
  const more = attacks.length - SHOWN_ATTACKS
  const shown = attacks.slice(0, SHOWN_ATTACKS).map(describeAttack)
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

function describeAttack({ marker, kind, version, parts, cuts }: Attack): string {
  const shown = parts.map((bytes) => {
    const start = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('base64')
    return `  ${bytes.length} bytes, base64 ${start}${bytes.length > SHOWN_BYTES ? '…' : ''}`
  })
  return [`${marker} (${kind}, ${version}), cut at [${cuts}]:`, ...shown].join('\n')
}
