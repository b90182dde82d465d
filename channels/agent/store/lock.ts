import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { tryLock } from 'fs-native-extensions'

/** A directory that nobody else may use until it is released. */
export interface DirectoryLock {
  /** Once. */
  release(): void
}

/**
 * Locks an existing directory for this holder alone, within this process and among all of the
 * machine. The kernel gives the lock back when the process ends, however it ends: the file that
 * stays behind says nothing. Throws an Error of one line where another holds it (contract 2,
 * DATA_DIR).
 */
export function lockDirectory(dir: string): DirectoryLock {
  const fd = openSync(join(dir, 'server.lock'), 'a')
  try {
    if (!tryLock(fd)) {
      throw new Error(`DATA_DIR ${dir} is in use by another server: stop that one or name another`)
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return { release: () => closeSync(fd) }
}
