import { afterEach, beforeEach, describe } from 'mocha'
import { applySuite } from './repository-apply.ts'
import { findSuite } from './repository-find.ts'
import { modelSuite } from './repository-model.ts'
import type { RepositorySetup, Suite } from './repository-setup.ts'

const SUITES: readonly Suite[] = [findSuite, applySuite, modelSuite]

/**
 * What every Repository does, one within the agent's store and one beside it. Each test gets one without records
 * from `factory`.
 */
export function repositoryContract(name: string, factory: () => Promise<RepositorySetup>): void {
  describe(`Repository: ${name}`, () => {
    let setup: RepositorySetup
    beforeEach(async () => {
      setup = await factory()
    })
    afterEach(() => setup.cleanup())
    for (const suite of SUITES) suite(() => setup)
  })
}
