/** What a command is (contract 6). Built-ins and those of a `COMMANDS` module have the same shape. */
import type { TSchema } from '@sinclair/typebox'
import type { ErrorCode } from '../codes.ts'
import type { Change, HistoryEntry, Modification, QueryHistoryRequest } from '../contract.ts'
import type { Draft } from '../draft.ts'
import type { ListChangesParameters, ListedChanges } from '../list-changes.ts'
import type { Permission, RequiredPermission } from '../permissions.ts'
import type { Query } from '../query/query.ts'
import type { Detail, Refusal } from '../refusal.ts'
import type { AnyRepository } from '../repository/repositories.ts'

export interface CommandContext {
  readonly businessId: string
  readonly sessionId: string
  readonly operatorId: string
  readonly permissions: ReadonlySet<Permission>
  /** Aborted by the command's timeout, by who cancels it and by the node's shutdown. */
  readonly signal: AbortSignal
  /**
   * Tells the requester how far it is: a JSON value of at most 16 KiB. Where it comes faster than 1,000 times a
   * second, or than the client reads, some are left out; after the end of the command, all. So is a value without
   * JSON form or a larger one, which the node's log tells of, once. Never throws.
   */
  progress(value: unknown): void
  /** An expected failure: return it instead of a result. */
  refuse(code: ErrorCode, details?: readonly Detail[]): Refusal
  /** The repository that holds a type. */
  repository(repositoryType: string): AnyRepository | undefined
  /** The session's queries and changes. */
  readonly session: SessionOperations
}

/**
 * What a command may do in its session: what its requester may, by the same code, and told to the session in the
 * same way; what they refuse for its shape is `invalid_payload`. Without the right to it each is refused with `permission_denied`; once `signal` is aborted each
 * rejects with its reason, and so does one that still waits to commit what it would: nothing is committed any more,
 * but what is on its way to the store, and an approval that another system than the store has begun to apply. A
 * rejection that the command does not wait for any more is forgotten; one of a promise that it has made of it, as by
 * `then`, is its own to catch.
 */
export interface SessionOperations {
  /** The current query of a repository type; of one that nobody knows, too. */
  query(repositoryType: string): Promise<Query>
  /** As `agent_query_modify` for a list, as `agent_modify_query` for an object. */
  modify(
    repositoryType: string,
    modifications: readonly Modification[] | { readonly [member: string]: unknown },
  ): Promise<HistoryEntry | Refusal>
  /** As `agent_query_revert`. */
  revert(modificationId: string): Promise<HistoryEntry | Refusal>
  /** As `agent_query_history`. */
  history(range?: HistoryRange): Promise<readonly HistoryEntry[] | Refusal>
  /** As `create_draft`. */
  draft(draft: Draft): Promise<Change | Refusal>
  /** As `get_change`. */
  change(changeId: string): Promise<Change | Refusal>
  /** As `list_changes`. */
  changes(options?: ListChangesParameters): Promise<ListedChanges | Refusal>
  /** As `agent_approve_changes`. */
  approve(changeId: string): Promise<Change | Refusal>
  /** As `agent_reject_changes`. */
  reject(changeId: string, reason: string): Promise<Change | Refusal>
}

/** As in a request. */
export type HistoryRange = Pick<QueryHistoryRequest, 'limit' | 'before'>

export interface Command {
  /** `[A-Za-z_][A-Za-z0-9_.-]{0,63}`, unique. */
  readonly name: string
  readonly description: string
  /** What running it needs, beside `command.execute`. */
  readonly permission?: RequiredPermission | null
  /** Who gets the result: whoever asked, or everybody in the session. */
  readonly audience: 'requester' | 'session'
  /** JSON Schema of an object. Members that it does not name are refused. */
  readonly parameters: object
  readonly timeoutMs: number
  /**
   * It only reads, or makes one draft, which is its result. Where its node dies, or its result is too large to be
   * kept, a repeat with its `commandId` runs it again; one of another command is answered `unavailable`.
   */
  readonly atomic?: boolean
  /** Returns (or resolves to) a JSON value, or a refusal. A throw is `command_failed`. */
  run(context: CommandContext, parameters: never): unknown
}

/** A built-in, whose parameters are typed by its schema. */
export const defineCommand = <S extends TSchema>(
  command: Omit<Command, 'run' | 'parameters'> & {
    readonly parameters: S
    run(context: CommandContext, parameters: S['static']): unknown
  },
): Command => command as Command
