import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { openSecrets, readSecretFile, type Secrets } from '../../../server/auth/secrets.ts'
import { Queue } from '../../support/queue.ts'
import { rejectionMessage } from '../../support/rejection.ts'

const secret = (name: string): string => name.repeat(32)

describe('secrets in a file', () => {
  let directory = ''
  let path = ''
  let secrets: Secrets | undefined

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'secrets-'))
    path = join(directory, 'secrets')
  })
  afterEach(() => {
    secrets?.close()
    rmSync(directory, { recursive: true })
  })

  /** Replaces the file as a whole. */
  function write(text: string): void {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }

  const valid = () => secrets?.keys.map((key) => key.export().toString())

  it('are one a line, the newest first, however its lines end', async () => {
    write(`${secret('b')}\r\n\n  ${secret('a')}\n`)
    expect(await readSecretFile(path)).to.deep.equal([secret('b'), secret('a')])
  })

  const BAD = {
    'it must hold 1 to 8 secrets, one a line': ['', '\n\n', `${secret('a')}\n`.repeat(9)],
    'each of its lines must be a secret of at least 32 bytes': ['s3cret', `${secret('a')}\nb`],
    'it is over 65536 bytes': ['s3cret'.repeat(20_000)],
  }
  for (const [problem, texts] of Object.entries(BAD)) {
    it(`are refused in one line without one of them: ${problem}`, async () => {
      for (const text of texts) {
        write(text)
        expect(await rejectionMessage(readSecretFile(path))).to.equal(
          `AUTH_SECRET_FILE: ${problem}`,
        )
      }
    })
  }

  it('are refused where there is no file', async () => {
    const message = 'AUTH_SECRET_FILE: it cannot be read (ENOENT)'
    expect(await rejectionMessage(openSecrets(undefined, path, () => undefined))).to.equal(message)
    expect(await rejectionMessage(readSecretFile(directory))).to.equal(
      'AUTH_SECRET_FILE: it cannot be read (EISDIR)',
    )
  })

  it('count beside the fixed one, and change with the file, not with a file that is wrong', async () => {
    const errors = new Queue<unknown>(String)
    write(secret('a'))
    secrets = await openSecrets(secret('f'), path, (error) => errors.push(error), 20)
    expect(valid()).to.deep.equal([secret('f'), secret('a')])
    write('s3cret')
    expect(String(await errors.next())).to.match(/^Error: AUTH_SECRET_FILE: each of its lines/)
    expect(valid()).to.deep.equal([secret('f'), secret('a')])
    write(`${secret('b')}\n${secret('a')}`)
    while (valid()?.length !== 3) await new Promise((resolve) => setImmediate(resolve))
    expect(valid()).to.deep.equal([secret('f'), secret('b'), secret('a')])
    expect(errors.all).to.have.length(1)
  })
})
