import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Certificate, makeCertificate } from '../../support/certificate.ts'

/**
 * Connects to an endpoint in that process, so many at once, and again; each `connect` is asynchronous: it decides
 * when all who come at once have asked, and soils the heap.
 */
const SCRIPT = `
import { readFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import { createEndpoint } from './server/endpoint.ts'
import { accept, defineSocket } from './server/index.ts'
import { createLocalPubSub } from './server/pubsub/local.ts'

const [rounds, atOnce, cert, key] = process.argv.slice(1)
const local = createLocalPubSub()
let kept = []
const soil = () => {
  for (let size = 8; size < 600; size += 8) kept.push(new Uint8Array(new ArrayBuffer(size)).fill(0x33))
  if (kept.length > 5000) kept = []
}
// Called while the connection is opened: what is allocated there takes memory that was just given back.
const pubsub = { ...local, subscribe: (...args) => (soil(), local.subscribe(...args)) }
let asking = []
const decide = () => {
  for (const resolve of asking) resolve(accept({}, 'id'))
  asking = []
}
const connect = () => new Promise((resolve) => {
  if (asking.push(resolve) === Number(atOnce)) setImmediate(decide)
})
const socket = defineSocket({ channels: [], connect })
const mounts = [{ path: '/socket', socket }]
const endpoint = createEndpoint({ mounts, pubsub, ...(cert && { tls: { cert, key } }) })
const port = await endpoint.listen('127.0.0.1', 0)
const url = (cert ? 'wss' : 'ws') + '://127.0.0.1:' + port + '/socket/websocket?vsn=2.0.0'
const ca = cert && readFileSync(cert)
const come = () => new Promise((resolve) => {
  const ws = new WebSocket(url, { ca })
  ws.on('open', () => ws.send('[null,"1","phoenix","heartbeat",{}]'))
  ws.on('message', () => ws.close(4000))
  ws.on('error', () => {})
  ws.on('close', resolve)
})
const codes = {}
for (let round = 0; round < rounds; round += 1) {
  for (const code of await Promise.all(Array.from({ length: atOnce }, come))) {
    codes[code] = (codes[code] ?? 0) + 1
  }
}
console.log(JSON.stringify(codes))
process.exit(0)
`

describe('an upgrade that is decided later', function () {
  this.timeout(60_000)
  let directory = ''
  let certificate: Certificate

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'late-upgrade-'))
    certificate = makeCertificate(directory)
  })
  after(() => rmSync(directory, { recursive: true }))

  for (const [rounds, atOnce, isSecure] of [
    [3_000, 1, false],
    [10, 100, false],
    [500, 1, true],
    [10, 100, true],
  ] as const) {
    const how = `${atOnce} at once, ${isSecure ? 'over TLS' : 'in the clear'}`
    it(`is as good as one that is decided at once: none is cut, nothing is warned of (${how})`, async () => {
      const files = isSecure ? [certificate.cert, certificate.key] : []
      const args = ['--import', 'tsx', '--input-type=module', '--eval', SCRIPT]
      const own = ['--', rounds, atOnce, ...files].map(String)
      const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>(
        (resolve) => {
          execFile(process.execPath, [...args, ...own], (_error, out, err) =>
            resolve({ stdout: out, stderr: err }),
          )
        },
      )
      expect(stderr).to.equal('')
      expect(JSON.parse(stdout)).to.deep.equal({ 4000: rounds * atOnce })
    })
  }
})
