import { execFile } from 'node:child_process'
import { expect } from 'chai'
import { describe, it } from 'mocha'

/** Connects one after another to an endpoint in that process; each `connect` is asynchronous, and soils the heap. */
const SCRIPT = `
import { WebSocket } from 'ws'
import { createEndpoint } from './server/endpoint.ts'
import { accept, defineSocket } from './server/index.ts'
import { createLocalPubSub } from './server/pubsub/local.ts'

const local = createLocalPubSub()
let kept = []
const soil = () => {
  for (let size = 8; size < 600; size += 8) kept.push(new Uint8Array(new ArrayBuffer(size)).fill(0x33))
  if (kept.length > 5000) kept = []
}
// Called while the connection is opened: what is allocated there takes memory that was just given back.
const pubsub = { ...local, subscribe: (...args) => (soil(), local.subscribe(...args)) }
const connect = () => new Promise((resolve) => setImmediate(() => resolve(accept({}, 'id'))))
const socket = defineSocket({ channels: [], connect })
const endpoint = createEndpoint({ mounts: [{ path: '/socket', socket }], pubsub })
const port = await endpoint.listen('127.0.0.1', 0)
const codes = {}
for (let each = 0; each < 3000; each += 1) {
  const code = await new Promise((resolve) => {
    const ws = new WebSocket('ws://127.0.0.1:' + port + '/socket/websocket?vsn=2.0.0')
    ws.on('open', () => ws.send('[null,"1","phoenix","heartbeat",{}]'))
    ws.on('message', () => ws.close(4000))
    ws.on('error', () => {})
    ws.on('close', resolve)
  })
  codes[code] = (codes[code] ?? 0) + 1
}
console.log(JSON.stringify(codes))
process.exit(0)
`

describe('an upgrade that is decided later', function () {
  this.timeout(60_000)

  it('is as good as one that is decided at once: none is cut, nothing is warned of', async () => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', SCRIPT]
    const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, args, (_error, out, err) => resolve({ stdout: out, stderr: err }))
    })
    expect(stderr).to.equal('')
    expect(JSON.parse(stdout)).to.deep.equal({ 4000: 3000 })
  })
})
