/** What modifying and reverting announce, whoever asks for it. */
import type { Agent } from './agent.ts'
import type { HistoryEntry, Unnumbered } from './contract.ts'

export const queryModified =
  ({ messages }: Agent) =>
  (entry: HistoryEntry): Unnumbered<'agent_query_modified'> => ({
    success: true,
    message: messages.success('modified'),
    modifiedQuery: entry.modifiedQuery,
    modificationId: entry.modificationId,
    repositoryType: entry.repositoryType,
    operatorId: entry.operatorId,
    timestamp: entry.timestamp,
  })

export const queryReverted =
  (operatorId: string) =>
  (entry: HistoryEntry, now: number): Unnumbered<'agent_query_reverted'> => ({
    success: true,
    originalQuery: entry.originalQuery,
    modificationId: entry.modificationId,
    repositoryType: entry.repositoryType,
    operatorId,
    timestamp: new Date(now).toISOString(),
  })
