import { parseArgs } from 'node:util'

const MAX_MINUTES = 24 * 60

/** The whole numbers that `npm run … -- --name n` was given, those of `defaults` where it was not. */
export function readNumbers<N extends string>(
  defaults: Readonly<Record<N, number>>,
): Readonly<Record<N, number>> {
  const names = Object.keys(defaults) as N[]
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ options })
  const numbers = names.map((name) => {
    const text = values[name]
    const number = text === undefined ? defaults[name] : Number(text)
    if (Number.isSafeInteger(number) && number > 0) return [name, number]
    throw new Error(`--${name} is ${JSON.stringify(text)}: it must be a whole number above 0`)
  })
  return Object.fromEntries(numbers)
}

/** When so many minutes are over, as `performance.now()` tells time. */
export function endAfter(minutes: number): number {
  if (minutes > MAX_MINUTES) throw new Error(`--minutes is ${minutes}: at most ${MAX_MINUTES}`)
  return performance.now() + minutes * 60_000
}

/** Runs `main`, ends the process with code 1 where it rejects, and says why. */
export async function runBounded(main: () => Promise<void>): Promise<never> {
  try {
    await main()
    process.exit(0)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    if (error instanceof Error && error.cause) console.error(String(error.cause))
    process.exit(1)
  }
}
