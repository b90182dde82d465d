import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { SECRET, verifierOf } from '../support/tokens.ts'

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const WHO = ['--operator', 'op1', '--business', 'b1']

/** Runs what `npm run token` runs. */
function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
  const { PATH, HOME } = process.env
  const command = ['--import', 'tsx', 'scripts/token.ts', ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env: { PATH, HOME, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

describe('npm run token', () => {
  it('prints a token of the configured secret, issuer and audience, and nothing else', async () => {
    const means = { AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }
    const before = Date.now()
    const args = [...WHO, '--permissions', 'agent_access,data_query', '--ttl', '30d']
    const { code, stdout, stderr } = await run(args, { ...means, AUTH_SECRET: SECRET })
    expect([code, stderr]).to.deep.equal([0, ''])
    expect(stdout).to.match(/^[\w.-]+\n$/)
    const checks = { authIssuer: 'i', authAudience: 'a' }
    const verifier = await verifierOf({ authSecret: SECRET, ...checks })
    const { expiresAt, ...claims } = await verifier.verify(stdout.trim())
    expect(claims).to.deep.equal({
      operatorId: 'op1',
      businessId: 'b1',
      permissions: ['agent_access', 'data_query'],
    })
    const ttl = 30 * 86_400_000
    expect(expiresAt).to.be.within(before - 1_000 + ttl, Date.now() + ttl)
  })

  it('signs with the newest secret of a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'token-'))
    try {
      const path = join(directory, 'secrets')
      writeFileSync(path, `${SECRET}\n${'old'.repeat(20)}\n`)
      const { stdout } = await run(WHO, { AUTH_SECRET_FILE: path })
      const verifier = await verifierOf({ authSecret: SECRET })
      expect(await verifier.verify(stdout.trim())).to.include({ operatorId: 'op1' })
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  const REFUSED: Readonly<Record<string, readonly [args: readonly string[], problem: RegExp]>> = {
    'without an operator': [
      ['--business', 'b1'],
      /^--operator must be 1 to 256 bytes of text: npm/,
    ],
    'without a time that it can read': [[...WHO, '--ttl', '1y'], /^--ttl must be as 30s, 15m, 1h/],
    'with an option that it does not know': [[...WHO, '--admin'], /^Unknown option '--admin'.*npm/],
  }
  for (const [what, [args, problem]] of Object.entries(REFUSED)) {
    it(`says how in one line ${what}`, async () => {
      const { code, stdout, stderr } = await run(args, { AUTH_SECRET: SECRET })
      expect([code, stdout]).to.deep.equal([1, ''])
      expect(stderr).to.match(/^[^\n]+\n$/)
      expect(stderr).to.match(problem)
    })
  }

  it('asks for a secret where there is none, and says nothing of one that is too short', async () => {
    expect((await run(WHO, {})).stderr).to.equal('set AUTH_SECRET, or AUTH_SECRET_FILE\n')
    const { stderr } = await run(WHO, { AUTH_SECRET: 's3cret' })
    expect(stderr).to.equal('AUTH_SECRET is set, but it must be a secret of at least 32 bytes\n')
  })
})
