import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import { build } from 'esbuild'
import { after, before, describe, it } from 'mocha'
import { msgpack } from '../../server/protocol/msgpack.ts'
import { encodeClientPush, toArrayBuffer } from '../support/client-codec.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const BUILT = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts',
  'server',
  'channels',
  'client',
]

describe('agent-channels/client/msgpack, the package’s entry', function () {
  this.timeout(60_000)
  let root = ''

  /** The package as it is installed: built, and found by its name. */
  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'entry-')))
    for (const name of BUILT) cpSync(join(PROJECT, name), join(root, name), { recursive: true })
    symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'))
    const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root })
    expect(status).to.equal(0)
  })

  after(() => rmSync(root, { recursive: true }))

  it('is a module of Node’s, with types', () => {
    const script = `
      const { msgpack } = await import('agent-channels/client/msgpack')
      console.log(Object.keys(msgpack).sort().join())`
    const args = ['--input-type=module', '--eval', script]
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    expect([stdout, stderr]).to.deep.equal(['decode,encode,vsn\n', ''])
    expect(readFileSync(join(root, 'dist/client/msgpack.d.ts'), 'utf8')).to.contain('vsn: string')
  })

  it('works in a browser, which has nothing of Node’s', async () => {
    const { outputFiles, warnings } = await build({
      stdin: { contents: "export * from 'agent-channels/client/msgpack'", resolveDir: root },
      bundle: true,
      platform: 'browser',
      format: 'iife',
      globalName: 'entry',
      write: false,
    })
    expect(warnings).to.deep.equal([])
    const incoming = { joinRef: '1', ref: null, topic: 't', event: 'e', payload: Uint8Array.of(3) }
    const { sent, seen } = runInNewContext(
      `${outputFiles[0]?.text}
      const { encode, decode } = entry.msgpack
      const sent = [{ text: 'ă'.repeat(80) }, new Uint8Array([1, 2]).buffer].map((payload) => {
        let frame
        encode({ join_ref: '1', ref: '2', topic: 't', event: 'e', payload }, (packed) => { frame = packed })
        return frame
      })
      let seen
      decode(new Uint8Array(incoming).buffer, ({ payload }) => { seen = payload })
      ;({ sent, seen: [seen instanceof ArrayBuffer, ...new Uint8Array(seen)] })`,
      { TextEncoder, TextDecoder, incoming: [...encodeClientPush('msgpack', incoming)] },
    )
    const payloads = [...sent].map(
      (frame: Uint8Array) => msgpack.decode(toArrayBuffer(Uint8Array.from(frame)), true).payload,
    )
    expect(payloads[0]).to.deep.equal({ text: 'ă'.repeat(80) })
    expect([...(payloads[1] as Uint8Array)]).to.deep.equal([1, 2])
    expect([...seen]).to.deep.equal([true, 3])
  })
})
