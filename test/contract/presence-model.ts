import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Presence as Client } from 'phoenix'
import type { Presence, Presences } from '../../server/presence/presence.ts'
import { diffsOf, diffWith, Owner, PROTO, refsOf, type Setup, TOPIC } from './presence-setup.ts'

const KEYS = ['u1', 'u2', PROTO] as const

type Action = (presence: Presence, owners: Owner[], at: number, key: string) => unknown

const actions = {
  track: (presence, owners, at, key) => presence.track(owners[at] as Owner, key, { n: at }),
  update: (presence, owners, at, key) => presence.update(owners[at] as Owner, key, { n: -at }),
  untrack: (presence, owners, at, key) => presence.untrack(owners[at] as Owner, key),
  end(_presence, owners, at) {
    const { topic } = owners[at] as Owner
    owners[at]?.end()
    owners[at] = new Owner(topic)
  },
  tell: () => new Promise(setImmediate),
} satisfies Record<string, Action>

const command = fc.record({
  what: fc.constantFrom(...(Object.keys(actions) as (keyof typeof actions)[])),
  owner: fc.nat({ max: 2 }),
  key: fc.nat({ max: KEYS.length - 1 }),
})

export function modelSuite(setup: Setup): void {
  describe('whatever is done', () => {
    it('a client that applies every diff has what the server lists (C5.31)', async () => {
      const node = await setup().node()
      const { presence } = node
      const topics = { next: 0 }
      const property = fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        topics.next += 1
        const topic = `${TOPIC}/${topics.next}`
        const diffs = diffsOf(node, topic)
        const owners = Array.from({ length: 3 }, () => new Owner(topic))
        for (const { what, owner, key } of commands) {
          await actions[what](presence, owners, owner, KEYS[key] as string)
        }
        presence.track(new Owner(topic), 'last', {})
        await diffWith(diffs, 'joins', 'last')
        let client: object = {}
        for (const diff of diffs.all) client = Client.syncDiff(client, diff)
        expect(refsOf(client as Presences)).to.deep.equal(refsOf(presence.list(topic)))
      })
      await fc.assert(property, { numRuns: 200 })
    })
  })
}
