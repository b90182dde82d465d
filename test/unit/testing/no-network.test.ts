import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { describe, it } from 'mocha'

const KIT = new URL('../../../server/testing/index.ts', import.meta.url).href

describe('the test kit', () => {
  it('loads no transport: neither uWebSockets.js nor a test runner comes with it', async () => {
    const script = `await import(${JSON.stringify(KIT)})
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire(import.meta.url).cache)
      const native = process.report.getReport().sharedObjects
      console.log(JSON.stringify([...loaded, ...native]))`
    const args = ['--import=tsx', '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const files = JSON.parse(stdout) as readonly string[]
    expect(files).to.not.deep.equal([])
    expect(files.filter((file) => /uws|lmdb|mocha|chai/.test(file))).to.deep.equal([])
  })
})
