import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

const run = promisify(execFile)

const linesOf = (file: string): readonly string[] =>
  readFileSync(join(PROJECT, file), 'utf8').split('\n')

/** What the Dockerfile takes from the context: not what one stage takes from another. */
const copied = new Set(
  linesOf('Dockerfile')
    .filter((line) => /^COPY (?!--from=)/.test(line))
    .flatMap((line) => line.split(/\s+/).slice(1, -1)),
)

/** What `.dockerignore`, which leaves out all, lets into the context again. */
const admitted = new Set(
  linesOf('.dockerignore')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1)),
)

describe('the Docker image', () => {
  let context = ''

  before(() => {
    context = mkdtempSync(join(tmpdir(), 'docker-'))
  })
  after(() => rmSync(context, { recursive: true }))

  it('is built of what .dockerignore lets in, and that lets in nothing else', () => {
    expect(linesOf('.dockerignore')).to.include('*')
    expect([...copied].sort()).to.deep.equal([...admitted].sort())
  })

  it('has all that the build needs', async () => {
    for (const source of copied) {
      cpSync(join(PROJECT, source), join(context, source), { recursive: true })
    }
    symlinkSync(join(PROJECT, 'node_modules'), join(context, 'node_modules'))
    const { stdout, stderr } = await run(process.execPath, ['scripts/build.mjs'], { cwd: context })
    expect(stdout + stderr).to.equal('')
    expect(readFileSync(join(context, 'dist/server/main.js'), 'utf8')).to.not.equal('')
  })
})
