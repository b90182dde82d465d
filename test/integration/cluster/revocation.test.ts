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

  /** What is asked for in an outage ends the sockets of the node that is asked, and is not taken for done. */
  async function unsure(first: string | undefined): Promise<void> {
    const own = await connect(first)
    const asked = disconnect(first)
    expect((await own.closed).code).to.equal(1001)
    const answer = await asked
    expect(answer.status).to.equal(503)
    expect(await answer.json()).to.deep.equal({
      errors: { detail: 'other nodes may not have been reached: ask again' },
    })
  }

  it('does not say that others were told where Redis does not answer; told again, they are', async () => {
    const [first, second] = cluster.urls()
    const other = await connect(second)
    cluster.redis.pause()
    try {
      await unsure(first)
    } finally {
      cluster.redis.resume()
    }
    // The other node may need a moment, too, to hear again.
    let code = 0
    void other.closed.then((end) => {
      code = end.code
    })
    while (code === 0) await disconnect(first)
    expect(code).to.equal(1001)
  })

  it('says so as well where Redis has gone, the first time already', async () => {
    await cluster.redis.kill9()
    await unsure(cluster.urls()[0])
  })
})
