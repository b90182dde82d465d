import { createLocalPresence } from '../../server/presence/local.ts'
import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { presenceContract } from './presence.ts'

presenceContract(
  'a node that stands alone',
  async () => ({
    async node(options) {
      const pubsub = createLocalPubSub()
      return { pubsub, presence: createLocalPresence(pubsub, options) }
    },
    async cleanup() {},
  }),
  { nodes: 'one' },
)
