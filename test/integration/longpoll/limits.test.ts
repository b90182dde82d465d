import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, refuse } from '../../../server/index.ts'
import { ask, LongPollClient, type Said, said } from '../../support/longpoll-client.ts'
import { cleanUp, recorded, room, serve } from '../channels/harness.ts'

const start = '/socket/longpoll?vsn=2.0.0'

describe('long-poll: the number of sessions', () => {
  afterEach(cleanUp)

  const turnedAway = async (url: string) => {
    const answer = await ask(url + start)
    expect(answer.status).to.equal(503)
    expect(said(answer)).to.deep.equal({ status: 500 })
  }

  it('is limited, for all and from one address, and one that ended makes room', async () => {
    const letIn = ({ name = null }: { readonly name?: string | null }) => accept({}, name)
    for (const [limit, connect] of [
      [{ maxSessions: 3 }, letIn],
      [{ maxSessionsPerAddress: 3 }, letIn],
      [{ maxSessions: 3 }, async (params: object) => letIn(params)],
    ] as const) {
      const { url, endpoint } = await serve(room(), { longpoll: limit, connect })
      const refused = recorded(endpoint.telemetry.refused)
      const ended = recorded(endpoint.telemetry.disconnected)
      for (const name of ['ann', 'bob', 'cid']) await LongPollClient.open(url, `&name=${name}`)
      await turnedAway(url)
      expect(refused.all).to.deep.equal([{ transport: 'longpoll', reason: 'sessions' }])
      endpoint.broadcast('bob', 'disconnect', {})
      expect(ended.all).to.deep.equal([{ transport: 'longpoll', code: 1001 }])
      await LongPollClient.open(url)
      await turnedAway(url)
    }
  })

  it('ten thousand idle ones of one client leave the server as it was', async function () {
    this.timeout(60_000)
    const { url, endpoint } = await serve(room(), {
      longpoll: { maxSessions: 1_000, windowMs: 60_000 },
    })
    const answers = new Map<unknown, number>()
    const open = async (count: number) => {
      for (let each = 0; each < count; each += 1) {
        const { status } = (await (await fetch(url + start)).json()) as Said
        answers.set(status, (answers.get(status) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: 10 }, () => open(1_000)))
    expect([...answers]).to.have.deep.members([
      [410, 1_000],
      [500, 9_000],
    ])
    expect(endpoint.size.connections).to.equal(1_000)
  })

  it('who is refused by the app takes no room', async () => {
    const { url } = await serve(room(), {
      longpoll: { maxSessions: 1 },
      connect: ({ in: isIn }) => (isIn ? accept() : refuse()),
    })
    for (const _time of [1, 2, 3]) expect(said(await ask(url + start)).status).to.equal(403)
    await LongPollClient.open(url, '&in=1')
    await turnedAway(url)
  })
})
