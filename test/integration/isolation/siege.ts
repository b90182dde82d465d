import { expect } from 'chai'
import { after, afterEach, before } from 'mocha'
import { Ear } from './ear.ts'
import { Owner } from './owner.ts'
import type { Target } from './targets.ts'
import { ATTACKERS, shown } from './tenants.ts'

/** One target, with its owner at work and others around it: for the tests of one `describe`. */
export interface Siege {
  readonly target: Target
  readonly owner: Owner
  /** Each attacker at each node, in turn. */
  attack(act: (ear: Ear, url: string) => Promise<unknown>): Promise<void>
  /** The owner itself does something: from then on, that is how it is to be found. */
  owns(act: () => Promise<unknown>): Promise<void>
}

/**
 * Begins before the first test and ends after the last. After each, whatever was tried: the owner's state, numbers
 * and connections are as they were, and none of its secrets is in any byte that an attacker got.
 */
export function besiege(start: () => Promise<Target>): Siege {
  let target: Target | undefined
  let owner: Owner | undefined
  let unharmed: readonly object[] = []
  const ears: Ear[] = []

  before(async () => {
    target = await start()
    owner = await Owner.at(target.nodes.map(({ url }) => url))
    unharmed = await owner.snapshot()
  })
  after(() => target?.stop())

  const siege: Siege = {
    get target() {
      return there(target)
    },
    get owner() {
      return there(owner)
    },
    async attack(act) {
      for (const who of ATTACKERS) {
        for (const { url } of siege.target.nodes) {
          const ear = new Ear(who)
          ears.push(ear)
          await act(ear, url)
        }
      }
    },
    async owns(act) {
      await act()
      unharmed = await siege.owner.snapshot()
    },
  }

  afterEach(async () => {
    for (const ear of ears) {
      expect(ear.count, 'what was listened to').to.be.greaterThan(0)
      expect(ear.hears(siege.owner.secrets), shown(ear.who.businessId)).to.deep.equal([])
      ear.end()
    }
    ears.length = 0
    expect(await siege.owner.snapshot()).to.deep.equal(unharmed)
    await siege.owner.expectUndisturbed()
  })
  return siege
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not before the first test')
  return value
}
