import { createHash } from 'node:crypto'
import type { Argument, Link } from './link.ts'
import type { Script } from './redis.ts'

const hashes = new WeakMap<Script, string>()

/** Runs a script by its hash; whole, where the server says that it does not know it, and so did nothing. */
export async function runScript(
  link: Link,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await link.call('EVALSHA', [hashOf(script), keys.length, ...keys, ...args])
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT '))) throw error
    return await evalScript(link, script, keys, args)
  }
}

/** The same by one command, whatever the server knows. */
export function evalScript(
  link: Link,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return link.call('EVAL', [script.lua, keys.length, ...keys, ...args])
}

function hashOf(script: Script): string {
  const known = hashes.get(script)
  if (known !== undefined) return known
  const hash = createHash('sha1').update(script.lua).digest('hex')
  hashes.set(script, hash)
  return hash
}
