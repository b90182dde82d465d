import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { within } from '../support/deadline.ts'
import { LISTENING } from '../support/server-process.ts'
import { connectWire, terminateWires } from '../support/wire-client.ts'
import { isRefused } from './stub-node.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const PATIENCE_MS = 60_000

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing is left of it.
  }
}

describe('npm start', function () {
  this.timeout(2 * PATIENCE_MS)
  let directory = ''

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'npm-start-'))
  })
  afterEach(() => {
    terminateWires()
    rmSync(directory, { recursive: true })
  })

  // A shell between npm and the server that does not pass signals on (dash) would leave the server behind.
  it('passes SIGTERM on to the server, and ends when that has drained', async () => {
    const { PATH, HOME } = process.env
    const env = { PATH, HOME, PORT: '0', DATA_DIR: join(directory, 'data') }
    // In a process group of its own, so that whatever is left of it can be ended.
    const npm = spawn('npm', ['start'], { cwd: PROJECT, env, detached: true })
    const ended = once(npm, 'close')
    try {
      let output = ''
      const ready = new Promise<string>((resolve) => {
        for (const stream of [npm.stdout, npm.stderr]) {
          stream.setEncoding('utf8').on('data', (text: string) => {
            output += text
            const [, url] = LISTENING.exec(output) ?? []
            if (url !== undefined) resolve(url)
          })
        }
      })
      const url = await within(ready, PATIENCE_MS, () => `the server: ${output}`)
      const client = await connectWire(url)
      npm.kill('SIGTERM')
      expect((await client.closed).code).to.equal(1012)
      expect(await within(ended, PATIENCE_MS, 'the end of npm')).to.deep.equal([0, null])
      expect(await isRefused(Number(new URL(url).port))).to.equal(true)
    } finally {
      killGroup(npm.pid)
    }
  })
})
