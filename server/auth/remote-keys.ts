/** A JSON Web Key Set behind a URL, kept up to date. */
import { keysOfSet, type PublicKey } from './public-keys.ts'

export interface RemoteKeysOptions {
  readonly url: string
  /** Hears of the first failure of each outage. */
  readonly onError: (error: unknown) => void
  /** How often the set is fetched without being asked for. */
  readonly refreshMs?: number
  /** The least time between two fetches, whatever tokens ask for. */
  readonly cooldownMs?: number
  readonly timeoutMs?: number
}

const REFRESH_MS = 300_000
const COOLDOWN_MS = 10_000
const TIMEOUT_MS = 5_000
/** Known keys count for so long while the set cannot be fetched. */
const MAX_AGE_MS = 3_600_000
const MAX_BYTES = 262_144

/** The whole body as text. Throws where it is too large. */
async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.byteLength
    if (bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

export class RemoteKeys {
  readonly #options: Required<RemoteKeysOptions>
  readonly #refresher: NodeJS.Timeout
  readonly #closing = new AbortController()
  #keys: readonly PublicKey[] = []
  /** Of the last fetch that succeeded, and of the last one at all; ms of `performance.now`. */
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined
  #isOut = false

  /** Begins to fetch, without waiting for it. */
  constructor(options: RemoteKeysOptions) {
    this.#options = {
      refreshMs: REFRESH_MS,
      cooldownMs: COOLDOWN_MS,
      timeoutMs: TIMEOUT_MS,
      ...options,
    }
    this.#refresher = setInterval(() => void this.#refresh(), this.#options.refreshMs).unref()
    void this.#refresh()
  }

  /** The keys that match. Where none does, the set is fetched again, though not too often. */
  async find(matches: (key: PublicKey) => boolean): Promise<readonly PublicKey[]> {
    const known = this.#known().filter(matches)
    if (known.length > 0) return known
    await this.#refresh()
    return this.#known().filter(matches)
  }

  close(): void {
    clearInterval(this.#refresher)
    this.#closing.abort()
  }

  #known(): readonly PublicKey[] {
    return performance.now() - this.#fetchedAt > MAX_AGE_MS ? [] : this.#keys
  }

  /** One at a time; whoever asks meanwhile waits for it. Never rejects. */
  #refresh(): Promise<void> | undefined {
    const now = performance.now()
    if (this.#fetching || now - this.#triedAt < this.#options.cooldownMs) return this.#fetching
    this.#triedAt = now
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetch(): Promise<void> {
    const { url, timeoutMs, onError } = this.#options
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])
    try {
      const headers = { accept: 'application/json' }
      const response = await fetch(url, { headers, signal, redirect: 'error' })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const keys = keysOfSet(JSON.parse(await boundedText(response)))
      if (!keys || keys.length === 0) throw new Error('no key for RS256, ES256 or EdDSA')
      this.#keys = keys
      this.#fetchedAt = performance.now()
      this.#isOut = false
    } catch (cause) {
      const isNews = !this.#isOut && !this.#closing.signal.aborted
      this.#isOut = true
      if (isNews) onError(new Error('AUTH_JWKS_URL: the keys could not be fetched', { cause }))
    }
  }
}
