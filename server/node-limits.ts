/** What the environment says of limits, as the endpoint takes it: there no limit is an absent one. */
import type { Config } from './config.ts'
import type { EndpointLimits } from './endpoint.ts'
import { addressSet } from './limits/addresses.ts'
import { type Rate, ratePerSecond } from './limits/token-bucket.ts'
import type { MailboxLimit } from './socket/mailbox.ts'

/** What `make` makes of those that are limits at all. */
function limits<K extends string, T>(
  values: Readonly<Record<K, number>>,
  make: (value: number) => T,
): { readonly [P in K]?: T } {
  const set = Object.entries<number>(values).filter(([, value]) => value > 0)
  return Object.fromEntries(set.map(([key, value]) => [key, make(value)])) as { [P in K]?: T }
}

export const endpointLimits = (config: Config): EndpointLimits => ({
  ...limits(
    {
      maxDepth: config.maxDepth,
      joinWithinMs: config.joinWithinMs,
      maxConnections: config.maxConnections,
      maxLongPollSessions: config.maxLongPollSessions,
      maxConnectionsPerAddress: config.maxConnectionsPerAddress,
      maxConnectionsPerId: config.maxConnectionsPerOperator,
    },
    Number,
  ),
  ...limits(
    {
      messages: config.maxMessagesPerSecond,
      joins: config.maxJoinsPerSocket,
      nodeJoins: config.maxJoins,
      connectsPerAddress: config.maxConnectsPerAddress,
    },
    ratePerSecond,
  ),
  isExempt: addressSet(config.unlimitedAddresses),
})

/** Of one operator, on the agent channel. */
export const operationRate = (config: Config): { readonly operationsPerOperator?: Rate } =>
  limits({ operationsPerOperator: config.maxOperationsPerOperator }, ratePerSecond)

export const mailboxLimit = (config: Config): MailboxLimit => ({
  items: config.maxMailboxMessages,
  bytes: config.maxMailboxBytes,
})
