/** What every PubSub does, whatever carries its messages (protocol 6.1, C6). */
import { expect } from 'chai'
import { afterEach, beforeEach, describe } from 'mocha'
import type { PubSub } from '../../server/pubsub/pubsub.ts'
import { betweenNodes } from './pubsub-between-nodes.ts'
import { onOneNode } from './pubsub-one-node.ts'

export interface PubSubNodes {
  /** Connected to one another, and to nothing else that publishes. */
  readonly nodes: readonly PubSub[]
  /** Called once, after every node was closed. */
  cleanup(): Promise<void>
}

/** `count` is how many nodes the factory gives: the cases between nodes need more than one. */
export function pubsubContract(name: string, factory: () => Promise<PubSubNodes>, count = 1): void {
  describe(`PubSub: ${name}`, () => {
    let given: PubSubNodes
    beforeEach(async () => {
      given = await factory()
      expect(given.nodes).to.have.length(count)
    })
    afterEach(async () => {
      await Promise.all(given.nodes.map((node) => node.close()))
      await given.cleanup()
    })

    describe('on one node', () => {
      onOneNode(() => given.nodes[0] ?? expect.fail('no node'))
    })
    if (count > 1) {
      describe('between nodes', () => {
        betweenNodes(() => given.nodes)
      })
    }
  })
}
