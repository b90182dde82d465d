import { after, before, describe, it } from 'mocha'
import { terminateWires } from '../support/wire-client.ts'
import { strikeBatch } from './batch.ts'
import { startTarget, type Target } from './target.ts'

const SEED = 20_261_123
const BATCHES = 12
const ATTACKS = 40

describe('fuzz: a node whose clients send anything at all', () => {
  let target: Target
  before(async () => {
    target = await startTarget()
  })
  after(async () => {
    terminateWires()
    await target.stop()
  })

  it('answers each by the protocol or closes it, and no other client notices', async () => {
    for (let batch = 0; batch < BATCHES; batch += 1) {
      await strikeBatch(target, SEED, batch, ATTACKS)
    }
  }).timeout(60_000)
})
