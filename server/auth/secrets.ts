/** The secrets of HS256: a fixed one, and those of a file, which may change while the server runs. */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { open } from 'node:fs/promises'

export const MIN_SECRET_BYTES = 32
const MAX_SECRETS = 8
const MAX_FILE_BYTES = 65_536
/** How often the file is read, unless told. */
const RELOAD_MS = 2_000

/** A key of HS256. */
export const secretKey = (secret: string): KeyObject => createSecretKey(Buffer.from(secret))

/** The secrets of a file, one a line. Throws for none, too many or too short ones, without saying any. */
function secretsIn(text: string): readonly string[] {
  const secrets = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (secrets.length === 0 || secrets.length > MAX_SECRETS) {
    throw new Error(`it must hold 1 to ${MAX_SECRETS} secrets, one a line`)
  }
  if (secrets.some((secret) => Buffer.byteLength(secret) < MIN_SECRET_BYTES)) {
    throw new Error(`each of its lines must be a secret of at least ${MIN_SECRET_BYTES} bytes`)
  }
  return secrets
}

/** Reads the secrets of a file, the newest first. Rejects with one line that says none of them. */
export async function readSecretFile(path: string): Promise<readonly string[]> {
  try {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_FILE_BYTES + 1))
      if (bytesRead > MAX_FILE_BYTES) throw new Error(`it is over ${MAX_FILE_BYTES} bytes`)
      return secretsIn(buffer.toString('utf8', 0, bytesRead))
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`AUTH_SECRET_FILE: ${code ? `it cannot be read (${code})` : message}`)
  }
}

/** Secrets that verify now. */
export interface Secrets {
  readonly keys: readonly KeyObject[]
  close(): void
}

/**
 * Rejects for a file that is not as it must be. One that becomes so later changes nothing: `onError` hears of
 * it, once, and what was read last counts.
 */
export async function openSecrets(
  fixed: string | undefined,
  path: string | undefined,
  onError: (error: unknown) => void,
  reloadMs = RELOAD_MS,
): Promise<Secrets> {
  const own = fixed === undefined ? [] : [secretKey(fixed)]
  if (path === undefined) return { keys: own, close: () => undefined }
  let read = await readSecretFile(path)
  let keys = [...own, ...read.map(secretKey)]
  let complaint: string | undefined

  async function reload(file: string): Promise<void> {
    try {
      const secrets = await readSecretFile(file)
      complaint = undefined
      if (secrets.join('\n') === read.join('\n')) return
      read = secrets
      keys = [...own, ...secrets.map(secretKey)]
    } catch (error) {
      const { message } = error as Error
      if (message !== complaint) onError(error)
      complaint = message
    }
  }
  const timer = setInterval(() => void reload(path), reloadMs).unref()
  return {
    get keys() {
      return keys
    },
    close: () => clearInterval(timer),
  }
}
