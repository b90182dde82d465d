import { describe, it } from 'mocha'
import { soak } from '../soak/soak.ts'

describe('soak: operators who come, work, vanish and come back', () => {
  it('miss nothing, and leave nothing on the nodes when they have left', async () => {
    await soak({ clients: 24, warmUpMs: 4_000, workMs: 4_000, report() {} })
  }).timeout(120_000)
})
