/** What a message costs, in counts that noise does not move: a change that makes it dearer is to be seen here. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Type as T } from '@sinclair/typebox'
import { expect } from 'chai'
import { before, describe, it } from 'mocha'
import { defineChannel, ok } from '../../../server/index.ts'
import type { Codec } from '../../../server/protocol/codec.ts'
import { msgpack } from '../../../server/protocol/msgpack.ts'
import { v1 } from '../../../server/protocol/v1.ts'
import { v2 } from '../../../server/protocol/v2.ts'
import { BareNode, textFrame } from '../../support/bare-node.ts'

const run = promisify(execFile)
const FIXTURES = new URL('../../fixtures/', import.meta.url)
/** No collection of the young generation while bytes are counted. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
/** Node 20: 842. Others differ a little, and what is optimized when differs, too. */
const MAX_BYTES = 1_100

/** What a fixture found, in a process of its own. */
async function measured<T>(fixture: string): Promise<T> {
  const file = new URL(fixture, FIXTURES)
  const { stdout } = await run(process.execPath, [...FLAGS, '--import', 'tsx', fileURLToPath(file)])
  return JSON.parse(stdout)
}

describe('an echo', () => {
  let costs: { readonly bytes: number; readonly promises: number; readonly replies: number }

  before(async () => {
    costs = await measured('message-costs.ts')
    expect(costs.replies).to.equal(1)
  })

  it('makes no promise for a handler that answers at once', () => {
    expect(costs.promises).to.equal(0)
  })

  it(`allocates at most ${MAX_BYTES} bytes`, () => {
    expect(costs.bytes).to.be.within(1, MAX_BYTES)
  })
})

describe('a join', () => {
  it('of a megabyte leaves next to nothing of its frame in memory', async () => {
    const { bytes, joined } = await measured<{ bytes: number; joined: number }>('join-costs.ts')
    expect(joined).to.equal(50)
    expect(bytes).to.be.below(20_000)
  })
})

describe('a broadcast', () => {
  const channel = defineChannel('room:*', { out: { said: T.Unknown() }, join: () => ok() })
  const join = textFrame('["1","1","room:lobby","phx_join",{}]')
  const joinV1 = textFrame('{"topic":"room:lobby","event":"phx_join","payload":{},"ref":"1"}')

  /** How often a broadcast's payload becomes JSON, and how many frames are handed to the transport. */
  function broadcastTo(codecs: readonly Codec[]) {
    const node = new BareNode(channel)
    const sockets = codecs.map((codec) => node.connect(codec))
    for (const socket of sockets) socket.receive(socket.codec === v1 ? joinV1 : join, false)
    expect(node.sent, 'join replies').to.equal(codecs.length)
    let encodes = 0
    const payload = {
      toJSON() {
        encodes += 1
        return { body: 'hi' }
      },
    }
    sockets[0]?.shared.endpoint.broadcast('room:lobby', 'said', payload)
    return { encodes, published: node.published, sent: node.sent - codecs.length }
  }

  const many = (codec: Codec) => Array.from({ length: 100 }, () => codec)

  it('is encoded once and handed over once, however many hear it', () => {
    expect(broadcastTo(many(v2))).to.deep.equal({ encodes: 1, published: 1, sent: 0 })
  })

  it('is encoded once and handed over once for each serializer', () => {
    const all = [v2, v1, msgpack].flatMap(many)
    expect(broadcastTo(all)).to.deep.equal({ encodes: 1, published: 3, sent: 0 })
  })
})
