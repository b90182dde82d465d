import { requireRedis } from './redis.ts'

/** Before a whole run, which may take as long as an installation does: hooks of suites have a deadline. */
export async function mochaGlobalSetup(): Promise<void> {
  try {
    await requireRedis()
  } catch {
    // Every suite that needs one says so.
  }
}
