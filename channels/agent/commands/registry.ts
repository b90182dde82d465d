import type { TSchema } from '@sinclair/typebox'
import { compileSchema, type Validator } from '../../../server/index.ts'
import { NAME } from '../name.ts'
import { ANY_CHANGE, isPermission } from '../permissions.ts'
import type { Command } from './command.ts'

/** A command that can be run. */
export interface KnownCommand {
  readonly command: Command
  readonly validate: Validator
}

export type CommandRegistry = ReadonlyMap<string, KnownCommand>

const MAX_TIMEOUT_MS = 24 * 3_600_000

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const mayDeclare = (permission: Command['permission']): boolean =>
  permission === undefined ||
  permission === null ||
  permission === ANY_CHANGE ||
  isPermission(permission)

/** What is wrong with a command, or undefined. */
function problemOf(command: Partial<Command>): string | undefined {
  const { name, description, permission, audience, parameters, timeoutMs, atomic, run } = command
  if (typeof name !== 'string' || !NAME.test(name)) return `name must match ${NAME.source}`
  if (typeof description !== 'string') return 'description must be text'
  if (!mayDeclare(permission)) {
    return 'permission must be one of the agent’s permissions, or absent'
  }
  if (audience !== 'requester' && audience !== 'session') {
    return 'audience must be "requester" or "session"'
  }
  if (!isObject(parameters)) return 'parameters must be a JSON Schema'
  const isDuration = Number.isInteger(timeoutMs) && Number(timeoutMs) > 0
  if (!isDuration || Number(timeoutMs) > MAX_TIMEOUT_MS) return 'timeoutMs must be 1 to 86400000'
  if (atomic !== undefined && typeof atomic !== 'boolean') return 'atomic must be true or false'
  return typeof run === 'function' ? undefined : 'run must be a function'
}

/** Throws TypeError for a command that is none, for a name that is taken and for a schema that is wrong. */
export function commandRegistry(commands: readonly unknown[]): CommandRegistry {
  const registry = new Map<string, KnownCommand>()
  for (const candidate of commands) {
    const command = (isObject(candidate) ? candidate : {}) as Command
    const label = `command ${JSON.stringify(command.name ?? null)}`
    const problem = problemOf(command)
    if (problem) throw new TypeError(`${label}: ${problem}`)
    if (registry.has(command.name)) throw new TypeError(`${label}: the name is taken`)
    registry.set(command.name, { command, validate: compile(label, command.parameters) })
  }
  return registry
}

/** Extra members are refused, unless the schema itself says what to do with them. */
function compile(label: string, parameters: object): Validator {
  try {
    return compileSchema({
      type: 'object',
      additionalProperties: false,
      ...parameters,
    } as unknown as TSchema)
  } catch (error) {
    throw new TypeError(`${label}: parameters: ${error instanceof Error ? error.message : error}`)
  }
}
