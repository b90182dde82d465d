import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Paths of PEM files: the certificate with its chain, and its private key without a passphrase. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`${name}: cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** Throws, with one line, for files that cannot serve: uWS says no more of them than that it failed. */
export function checkTls({ cert, key }: TlsFiles): void {
  const files = { cert: read('TLS_CERT', cert), key: read('TLS_KEY', key) }
  try {
    createSecureContext(files)
  } catch (error) {
    const { message } = error as Error
    throw new Error(`TLS_CERT and TLS_KEY are no certificate and its key in PEM: ${message}`)
  }
}
