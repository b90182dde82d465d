import { expect } from 'chai'
import { describe, it } from 'mocha'
import { ask } from '../../support/http.ts'
import { LongPollClient, NDJSON, said } from '../../support/longpoll-client.ts'
import { token } from '../../support/tokens.ts'
import { replyTo } from '../../support/wire-client.ts'
import type { Ear } from './ear.ts'
import { besiege } from './siege.ts'
import { ADMIN_TOKEN, METRICS_TOKEN, TARGETS } from './targets.ts'
import { ATTACKERS, OWNER } from './tenants.ts'

const AUTH = 'x-phoenix-authtoken'
const AS_ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` }
/** What every token of the tests begins with. */
const TOKEN_HEADER = token().split('.')[0] ?? ''

/** Places in a long-poll token: in its node, its session, its time, its signature. */
const PLACES = [0, 15, 16, 37, 38, 45, 46, 87]

/** Tokens that are nearly one: of an attacker's own session, with one character turned, or of somebody's. */
function forgeries(own: string, other: string): readonly string[] {
  const turned = PLACES.map((at) => {
    const char = own[at] === 'A' ? 'B' : 'A'
    return own.slice(0, at) + char + own.slice(at + 1)
  })
  const all = [
    ...turned,
    // The node of the one, and what the node of the other one has signed.
    own.slice(0, 16) + other.slice(16),
    other.slice(0, 16) + own.slice(16),
    other.slice(0, 46) + own.slice(46),
    other.toLowerCase(),
    `${other.slice(0, 87)}=`,
    `${other} `,
    `%20${other}`,
    ...['', '__proto__', '-'.repeat(88), 'A'.repeat(88), 'phx:lp:*'],
  ]
  // Where both are of one node, that is no forgery.
  return all.filter((forged) => forged !== own && forged !== other)
}

for (const { name, start } of TARGETS) {
  describe(`from outside of the first tenant’s session, ${name},`, function () {
    this.timeout(120_000)
    const siege = besiege(start)

    it('no long-poll token but the one that was given out reaches it', async () => {
      await siege.attack(async (ear, url) => {
        const poller = await siege.owner.poll()
        const query = `&${new URLSearchParams({ token: ear.token })}`
        const own = await LongPollClient.open(url, query)
        for (const forged of forgeries(own.token, poller.token)) {
          const asked = new URL('/socket/longpoll?vsn=2.0.0', url)
          asked.searchParams.set('token', forged)
          const post = { method: 'POST', headers: NDJSON, body: '\n' }
          expect(said(await ear.ask(asked, post)).status, forged).to.equal(410)
          // Without a token of its own it begins nothing; with one, a session of its own.
          expect(said(await ear.ask(asked)).status, forged).to.equal(403)
        }
        const anew = new URL('/socket/longpoll?vsn=2.0.0&token=none', url)
        const begun = said(await ear.ask(anew, { headers: { [AUTH]: ear.token } }))
        expect(begun.status).to.equal(410)
        expect(begun.token).to.be.a('string').and.not.equal(poller.token)
        // The node's own topic, whose name is in every token.
        const wire = await ear.wire(url)
        const topic = `phx:lp:${poller.token.slice(0, 16)}`
        wire.push({ topic, event: 'phx_join', ref: '1', joinRef: '1' })
        const { payload } = await wire.next(replyTo('1'))
        expect(payload).to.have.property('status', 'error')
        for (const event of ['ask', 'cancel', 'lost']) wire.push({ topic, event, joinRef: '1' })
        await wire.fence()
        await poller.fence()
      })
    })

    it('a long-poll token is its bearer’s, and is worth nothing once its session has ended', async () => {
      const [{ url } = { url: '' }] = siege.target.nodes
      const operatorId = 'dora'
      const poller = await siege.owner.poll(operatorId)
      const finders = siege.target.nodes.map((node) => new LongPollClient([node.url], poller.token))
      for (const finder of finders) await finder.fence()
      const body = JSON.stringify({ ...OWNER, operatorId })
      await ask(`${url}/admin/disconnect`, { method: 'POST', headers: AS_ADMIN, body })
      const ends = finders.map(async (finder) => {
        let status: unknown = 200
        // Told to every node, and on its way to some.
        while (status === 200) status = await finder.post('\n', NDJSON)
        return status
      })
      expect(new Set(await Promise.all(ends))).to.deep.equal(new Set([410]))
    })

    it('nobody disconnects its operators, and nobody learns that they are there', async () => {
      await siege.attack(async (ear, url) => {
        const tell = async (businessId: string, authorization: string | undefined) => {
          const answer = await ear.ask(`${url}/admin/disconnect`, {
            method: 'POST',
            headers: authorization === undefined ? {} : { authorization },
            body: JSON.stringify({ businessId, operatorId: OWNER.operatorId }),
          })
          // Of two equal answers one may be of the next second.
          const { date: _date, ...headers } = answer.headers
          return { ...answer, headers }
        }
        for (const shown of [undefined, '', `Bearer ${ear.token}`, 'Bearer ', 'Basic YTpi']) {
          const answer = await tell(OWNER.businessId, shown)
          expect(answer).to.deep.equal(await tell('nobody', shown))
          expect(answer.status).to.equal(401)
        }
      })
    })

    it('a disconnect of an operator of its name in another business is not its own', async () => {
      await siege.attack(async (ear, url) => {
        const wire = await ear.wire(url)
        const { businessId, operatorId } = ear.who
        const body = JSON.stringify({ businessId, operatorId })
        const post = { method: 'POST', headers: AS_ADMIN, body }
        expect((await ear.ask(`${url}/admin/disconnect`, post)).status).to.equal(202)
        expect((await wire.closed).code).to.equal(1001)
      })
    })

    it('metrics are not a tenant’s to read, and name no tenant, operator, session, topic or event', async () => {
      await siege.attack((ear, url) => ear.agent(url))
      await siege.attack(async (ear, url) => {
        for (const text of [ear.token, ADMIN_TOKEN]) {
          const headers = { authorization: `Bearer ${text}` }
          expect((await ear.ask(`${url}/metrics`, { headers })).status).to.equal(401)
        }
        const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
        const { status, body } = await ear.ask(`${url}/metrics`, { headers })
        expect(status).to.equal(200)
        expect(namesIn(body, ear)).to.deep.equal([])
      })
    })

    it('the log has no token and no secret, and each of its lines is one that the server wrote', async () => {
      const poller = await siege.owner.poll()
      const forged = '"}\n{"level":"error","msg":"forged"}\r\n'
      await siege.attack(async (ear, url) => {
        const wire = await ear.wire(url)
        const payload = { [forged]: forged, token: ear.token, nested: { authToken: ear.token } }
        wire.push({ topic: `agent:${forged}`, event: 'phx_join', payload })
        await ear.agent(url)
        await ear.ask(`${url}/socket/longpoll?vsn=2.0.0&token=${poller.token.slice(0, 87)}!`)
        await wire.fence()
      })
      const lines = siege.target.nodes
        .flatMap((node) => node.output().split('\n').slice(0, -1))
        .filter((line) => !line.startsWith('agent-channels is listening'))
      for (const line of lines) {
        expect(JSON.parse(line), line).to.include.keys('level', 'time', 'msg')
        expect(JSON.parse(line).msg).to.not.equal('forged')
      }
      const text = lines.join('\n')
      expect(text).to.include('joined')
      for (const secret of [TOKEN_HEADER, ADMIN_TOKEN, METRICS_TOKEN, poller.token.slice(0, 87)]) {
        expect(text.includes(secret), secret).to.equal(false)
      }
    })
  })
}

/** Names that tenants gave to things: those that no word of the server’s own holds. */
function namesIn(text: string, { who }: Ear): readonly string[] {
  const all = [...ATTACKERS, OWNER, who].flatMap((each) => [
    each.businessId,
    encodeURIComponent(each.businessId),
    each.sessionId,
    encodeURIComponent(each.sessionId),
  ])
  const names = [...all, 'mallory', 'agent:', 'operator:', 'agent_authenticate']
  return names.filter((each) => each.length > 1 && text.includes(each))
}
