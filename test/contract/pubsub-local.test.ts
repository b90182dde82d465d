import { createLocalPubSub } from '../../server/pubsub/local.ts'
import { linkedPubSubs } from './linked-pubsub.ts'
import { pubsubContract } from './pubsub.ts'

const cleanup = async (): Promise<void> => undefined

pubsubContract('local', async () => ({ nodes: [createLocalPubSub()], cleanup }))
// No adapter of the server's: it shows that the cases between nodes can be met.
pubsubContract('three local ones, linked', async () => ({ nodes: linkedPubSubs(3), cleanup }), 3)
