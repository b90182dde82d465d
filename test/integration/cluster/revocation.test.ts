import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { type Cluster, startCluster } from '../../support/cluster.ts'
import { SECRET, token } from '../../support/tokens.ts'
import { connectWire } from '../../support/wire-client.ts'

const ADMIN_TOKEN = 's3cret-of-the-administrator'

describe('revoking an operator’s access to several nodes', function () {
  this.timeout(60_000)
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster(2, {}, { AUTH_SECRET: SECRET, ADMIN_TOKEN })
  })
  after(() => cluster?.stop())

  const connect = (url = '', changes: object = {}) =>
    connectWire(url, { params: { token: token(changes) } })

  const disconnect = (url = '') =>
    fetch(`${url}/admin/disconnect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify({ businessId: 'business123', operatorId: 'operator456' }),
    })

  it('ends the sockets on every node, whichever is told, and no others', async () => {
    const [first, second] = cluster.urls()
    for (const told of [first, second]) {
      const own = [await connect(first), await connect(second), await connect(second)]
      const others = [
        await connect(first, { sub: 'operator457' }),
        await connect(second, { businessId: 'business456' }),
      ]
      expect((await disconnect(told)).status).to.equal(202)
      for (const wire of own) expect((await wire.closed).code).to.equal(1001)
      for (const wire of others) await wire.fence()
    }
  })

  it('says that other nodes were not reached where Redis is away', async () => {
    const [first] = cluster.urls()
    const own = await connect(first)
    await cluster.redis.kill9()
    const { status } = await disconnect(first)
    expect((await own.closed).code).to.equal(1001)
    // A node that has not noticed yet takes it for told; the next time it has.
    expect(status).to.be.oneOf([202, 503])
    let answer = status
    while (answer !== 503) answer = (await disconnect(first)).status
  })
})
