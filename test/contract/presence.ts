import { afterEach, beforeEach, describe } from 'mocha'
import { clusterSuite } from './presence-cluster.ts'
import { fetchSuite } from './presence-fetch.ts'
import { lifetimeSuite } from './presence-lifetime.ts'
import { modelSuite } from './presence-model.ts'
import type { PresenceSetup, Setup } from './presence-setup.ts'
import { trackSuite } from './presence-track.ts'

/** What every Presence does. Each test gets nodes that know of no others from `factory`. */
export function presenceContract(
  name: string,
  factory: () => Promise<PresenceSetup>,
  { nodes }: { readonly nodes: 'one' | 'many' },
): void {
  const alone: readonly ((setup: Setup) => void)[] = [
    trackSuite,
    lifetimeSuite,
    fetchSuite,
    modelSuite,
  ]
  const suites = nodes === 'one' ? alone : [...alone, clusterSuite]
  describe(`Presence: ${name}`, () => {
    let setup: PresenceSetup
    beforeEach(async () => {
      setup = await factory()
    })
    afterEach(() => setup.cleanup())
    for (const suite of suites) suite(() => setup)
  })
}
