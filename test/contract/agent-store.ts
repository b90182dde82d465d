import { afterEach, beforeEach, describe } from 'mocha'
import { closeSuite } from './agent-store-close.ts'
import { commitSuite } from './agent-store-commit.ts'
import { eventSuite } from './agent-store-events.ts'
import { isolationSuite } from './agent-store-isolation.ts'
import { lifetimeSuite } from './agent-store-lifetime.ts'
import { listSuite } from './agent-store-list.ts'
import { modelSuite } from './agent-store-model.ts'
import type { StoreSetup, Suite } from './agent-store-setup.ts'

const SUITES: readonly Suite[] = [
  commitSuite,
  listSuite,
  isolationSuite,
  eventSuite,
  lifetimeSuite,
  closeSuite,
  modelSuite,
]

/** What every AgentStore does. Each test gets an empty store from `factory`. */
export function agentStoreContract(name: string, factory: () => Promise<StoreSetup>): void {
  describe(`AgentStore: ${name}`, () => {
    let setup: StoreSetup
    beforeEach(async () => {
      setup = await factory()
    })
    afterEach(() => setup.cleanup())
    for (const suite of SUITES) suite(() => setup)
  })
}
