/** What a command is (contract 6). Built-ins and those of a `COMMANDS` module have the same shape. */
import type { TSchema } from '@sinclair/typebox'
import type { ErrorCode } from '../codes.ts'
import type { Change } from '../contract.ts'
import type { Draft } from '../draft-change.ts'
import type { ListChanges, ListedChanges } from '../list-changes.ts'
import type { Permission, RequiredPermission } from '../permissions.ts'
import type { Query } from '../query/query.ts'
import type { Detail, Refusal } from '../refusal.ts'
import type { AnyRepository } from '../repository/repositories.ts'

export interface CommandContext {
  readonly businessId: string
  readonly sessionId: string
  readonly operatorId: string
  readonly permissions: ReadonlySet<Permission>
  /** Aborted by the command's timeout and by the node's shutdown. */
  readonly signal: AbortSignal
  /** An expected failure: return it instead of a result. */
  refuse(code: ErrorCode, details?: readonly Detail[]): Refusal
  /** The repository that holds a type. */
  repository(repositoryType: string): AnyRepository | undefined
  /** The session's current query of a repository type. */
  currentQuery(repositoryType: string): Promise<Query>
  /** Keeps a pending change and announces it to the session. */
  createDraft(draft: Draft): Promise<Change | Refusal>
  /** The session's changes, at most `limit` of them. */
  listChanges(options: ListChanges): Promise<ListedChanges>
  getChange(changeId: string): Promise<Change | Refusal>
}

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
