/** The ES modules that `COMMANDS` and `REPOSITORIES` name. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from './commands/command.ts'
import type { Repository } from './repository/repository.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/

/** The module's default export. Rejects, with one line that names the variable, where that is no list. */
async function defaultList(variable: string, path: string): Promise<readonly unknown[]> {
  let list: unknown
  try {
    list = ((await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }).default
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${variable}: ${path} cannot be loaded: ${message.split('\n')[0]}`)
  }
  if (!Array.isArray(list)) throw new Error(`${variable}: the default export of ${path} is no list`)
  return list
}

/** The registry checks each command. */
export const loadCommands = async (path: string | undefined): Promise<readonly Command[]> =>
  path === undefined ? [] : ((await defaultList('COMMANDS', path)) as readonly Command[])

const METHODS = ['types', 'find', 'get', 'apply'] as const

function isRepository(candidate: unknown): candidate is Repository {
  if (typeof candidate !== 'object' || candidate === null) return false
  return METHODS.every((method) => typeof (candidate as Repository)[method] === 'function')
}

export async function loadRepositories(path: string | undefined): Promise<readonly Repository[]> {
  if (path === undefined) return []
  const list = await defaultList('REPOSITORIES', path)
  for (const repository of list) {
    if (!isRepository(repository)) {
      throw new Error(`REPOSITORIES: ${path}: a repository has the methods ${METHODS.join(', ')}`)
    }
    for (const type of repository.types()) {
      if (typeof type?.name === 'string' && NAME.test(type.name)) continue
      throw new Error(`REPOSITORIES: ${path}: a type’s name must match ${NAME.source}`)
    }
  }
  return list as readonly Repository[]
}
