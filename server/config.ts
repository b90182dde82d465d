/**
 * The environment, read once at start-up (contract 2).
 */
import { BlockList, isIP } from 'node:net'
import { SETTINGS, type Setting, type Values } from './config/settings.ts'

/** Its message is one line for the operator: the variable, what it was, and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Frozen. Times are milliseconds, sizes bytes. */
export interface Config extends Values {
  /** Open mode: nothing verifies tokens, clients are what they claim to be (contract 2). */
  readonly open: boolean
}

const NO_TOKENS = 'this version does not verify tokens yet: unset it'

/** To ignore these would run a server that is open, or alone, against its operator's will. */
const UNSUPPORTED = new Map([
  ['AUTH_SECRET', NO_TOKENS],
  ['AUTH_JWKS_URL', NO_TOKENS],
  ['AUTH_PUBLIC_KEY', NO_TOKENS],
  ['AUTH_ISSUER', NO_TOKENS],
  ['AUTH_AUDIENCE', NO_TOKENS],
])

/** Variables whose values are never printed; a URL may hold a password. */
const SECRET = /SECRET|TOKEN|PASSWORD|KEY|URL/
const MAX_SHOWN_CHARS = 100

function refusal(name: string, text: string, why: string): ConfigError {
  const was = SECRET.test(name) ? 'set' : JSON.stringify(text.slice(0, MAX_SHOWN_CHARS))
  return new ConfigError(`${name} is ${was}, but ${why}`)
}

function read(setting: Setting<unknown>, text: string | undefined): unknown {
  if (text === undefined) return undefined
  const value = setting.parse(text)
  if (value === undefined) throw refusal(setting.name, text, `it must be ${setting.allowed}`)
  return value
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** By its text: a name that only resolves to a loopback address today is none. */
function isLoopback(address: string): boolean {
  if (address.toLowerCase() === 'localhost') return true
  const version = isIP(address)
  return version !== 0 && LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** An empty variable counts as unset. Throws ConfigError at the first one that is not allowed. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  for (const [name, why] of UNSUPPORTED) {
    const text = env[name]
    if (text) throw refusal(name, text, why)
  }
  const values = Object.fromEntries(
    Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => [
      key,
      read(setting, env[setting.name] || setting.default),
    ]),
  ) as Values
  const config: Config = Object.freeze({ ...values, open: true })
  if (config.open && !config.authOpen && !isLoopback(config.host)) {
    const why =
      'whoever reaches it there is whom they claim to be: listen on a loopback address, or set AUTH_OPEN=1'
    throw refusal(SETTINGS.host.name, config.host, why)
  }
  return config
}
