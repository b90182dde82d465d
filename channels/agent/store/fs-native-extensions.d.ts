/** The part of fs-native-extensions in use here; it ships no types. */
declare module 'fs-native-extensions' {
  /** Locks the open file for this process; false where another open file holds the lock. */
  export function tryLock(fd: number): boolean
}
