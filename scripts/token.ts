/**
 * npm run -s token -- --operator op1 --business b1 --permissions agent_access,data_query --ttl 1h: prints a token
 * that is signed with AUTH_SECRET, or with the first line of AUTH_SECRET_FILE. For trying out, and for tests.
 */
import { parseArgs } from 'node:util'
import { type Claims, isId } from '../server/auth/claims.ts'
import { signJwt } from '../server/auth/jwt.ts'
import { readSecretFile, secretKey } from '../server/auth/secrets.ts'
import { type Config, readConfig } from '../server/config.ts'

const USAGE =
  'npm run -s token -- --operator <id> --business <id> [--permissions agent_access,…] [--ttl 30s|15m|1h|30d]'
const SECONDS = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
])
const OPTIONS = {
  operator: { type: 'string' },
  business: { type: 'string' },
  permissions: { type: 'string', default: '' },
  ttl: { type: 'string', default: '1h' },
} as const

function idOf(name: string, text: string | undefined): string {
  if (!isId(text)) throw new Error(`--${name} must be 1 to 256 bytes of text: ${USAGE}`)
  return text
}

function secondsOf(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? []
  const seconds = SECONDS.get(unit)
  if (seconds === undefined) throw new Error(`--ttl must be as 30s, 15m, 1h or 30d: ${USAGE}`)
  return Number(count) * seconds
}

function claimsOf(args: readonly string[]): Claims {
  let given: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']
  try {
    given = parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ', 1)[0]}: ${USAGE}`)
  }
  return {
    operatorId: idOf('operator', given.operator),
    businessId: idOf('business', given.business),
    permissions: given.permissions.split(',').filter((name) => name !== ''),
    expiresAt: (Math.floor(Date.now() / 1_000) + secondsOf(given.ttl)) * 1_000,
  }
}

async function secretOf({ authSecret, authSecretFile }: Config): Promise<string> {
  if (authSecret !== undefined) return authSecret
  if (authSecretFile === undefined) throw new Error('set AUTH_SECRET, or AUTH_SECRET_FILE')
  const [newest = ''] = await readSecretFile(authSecretFile)
  return newest
}

try {
  const claims = claimsOf(process.argv.slice(2))
  const config = readConfig(process.env)
  const secret = secretKey(await secretOf(config))
  const { authIssuer: issuer, authAudience: audience } = config
  console.log(await signJwt(claims, secret, { issuer, audience }))
} catch (error) {
  console.error((error as Error).message)
  process.exit(1)
}
