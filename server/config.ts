/**
 * The environment, read once at start-up (contract 2).
 */
import { isLoopback } from './config/loopback.ts'
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

type Environment = Readonly<Record<string, string | undefined>>

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

/** What verifies tokens that have an issuer and an audience, and what verifies others. */
const JWT_MEANS = ['authSecret', 'authSecretFile', 'authPublicKeys', 'authJwksUrl'] as const
const MEANS = [...JWT_MEANS, 'phoenixSecretKeyBase'] as const

const isAnySet = (values: Values, keys: readonly (keyof Values)[]): boolean =>
  keys.some((key) => values[key] !== undefined)

/** Variables that mean nothing without one of others: to ignore one would guard less than is wanted. */
const NEEDS: Partial<Record<keyof Values, readonly (keyof Values)[]>> = {
  authIssuer: JWT_MEANS,
  authAudience: JWT_MEANS,
  phoenixSecretKeyBase: ['phoenixTokenSalt'],
  phoenixTokenSalt: ['phoenixSecretKeyBase'],
  tlsCert: ['tlsKey'],
  tlsKey: ['tlsCert'],
}

function checkNeeds(values: Values, env: Environment): void {
  for (const [key, needed] of Object.entries(NEEDS)) {
    const { name } = SETTINGS[key as keyof Values]
    if (!isAnySet(values, [key as keyof Values]) || isAnySet(values, needed)) continue
    const names = needed.map((other) => SETTINGS[other].name).join(', ')
    throw refusal(name, env[name] ?? '', `it means nothing without ${names}`)
  }
}

/** An empty variable counts as unset. Throws ConfigError at the first one that is not allowed. */
export function readConfig(env: Environment): Config {
  const values = Object.fromEntries(
    Object.entries<Setting<unknown>>(SETTINGS).map(([key, setting]) => [
      key,
      read(setting, env[setting.name] || setting.default),
    ]),
  ) as Values
  checkNeeds(values, env)
  if (values.maxMailboxBytes < values.maxFrameBytes) {
    const { name } = SETTINGS.maxMailboxBytes
    const why = `a message that has to wait must fit: at least ${values.maxFrameBytes}, as ${SETTINGS.maxFrameBytes.name}`
    throw refusal(name, String(values.maxMailboxBytes), why)
  }
  const config: Config = Object.freeze({ ...values, open: !isAnySet(values, MEANS) })
  if (config.open && !config.authOpen && !isLoopback(config.host)) {
    const why =
      'whoever reaches it there is whom they claim to be: listen on a loopback address, configure what verifies tokens (as AUTH_SECRET), or set AUTH_OPEN=1'
    throw refusal(SETTINGS.host.name, config.host, why)
  }
  return config
}
