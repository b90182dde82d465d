/** The ES modules that `COMMANDS` and `REPOSITORIES` name. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { withBuiltins } from './commands/builtin.ts'
import type { Command } from './commands/command.ts'
import { type CommandRegistry, commandRegistry } from './commands/registry.ts'
import { type KnownType, knownTypes } from './repository/repositories.ts'
import type { Repository } from './repository/repository.ts'

const firstLine = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]

/**
 * What `build` makes of the list that is the module's default export. Rejects, with one line that names the
 * variable and the path, where there is no such list or `build` throws.
 */
async function fromModule<T>(
  variable: string,
  path: string,
  build: (list: readonly unknown[]) => T,
): Promise<T> {
  const wrong = (what: string) => new Error(`${variable}: ${path}${what}`)
  let list: unknown
  try {
    list = ((await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }).default
  } catch (error) {
    throw wrong(` cannot be loaded: ${firstLine(error)}`)
  }
  if (!Array.isArray(list)) throw wrong(': the default export is no list')
  try {
    return build(list)
  } catch (error) {
    throw wrong(`: ${firstLine(error)}`)
  }
}

/** The built-in commands, and those of the module. */
export async function loadCommands(path: string | undefined): Promise<CommandRegistry> {
  const build = (list: readonly unknown[]) =>
    commandRegistry(withBuiltins(list as readonly Command[]))
  return path === undefined ? build([]) : await fromModule('COMMANDS', path, build)
}

const METHODS = ['types', 'find', 'get', 'apply'] as const

function isRepository(candidate: unknown): candidate is Repository {
  if (typeof candidate !== 'object' || candidate === null) return false
  return METHODS.every((method) => typeof (candidate as Repository)[method] === 'function')
}

/** The types that the module's repositories hold. */
export async function loadRepositories(
  path: string | undefined,
): Promise<ReadonlyMap<string, KnownType>> {
  if (path === undefined) return new Map()
  return await fromModule('REPOSITORIES', path, (list) => {
    if (list.every(isRepository)) return knownTypes(list)
    throw new TypeError(`a repository has the methods ${METHODS.join(', ')}`)
  })
}
