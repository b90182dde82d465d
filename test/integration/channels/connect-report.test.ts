import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import { accept, type ConnectOutcome, refuse } from '../../../server/index.ts'
import { openUpgrade } from '../../support/http.ts'
import { cleanUp, recorded, room, serve } from './harness.ts'

const throwing = (thrown: unknown) => (): never => {
  throw thrown
}

/** What the app answers, by the parameter `as`. */
const ANSWERS = new Map<string | undefined, () => ConnectOutcome>([
  ['friend', () => accept()],
  ['stranger', () => refuse('who are you?')],
  ['nonsense', () => 'yes' as unknown as ConnectOutcome],
  ['bomb', throwing(new Error('no database'))],
  ['void', throwing(undefined)],
])

describe('channels: what is told of a connect', () => {
  afterEach(cleanUp)

  /** Asks for a connection, and returns what was told of that. */
  async function told(transport: string, who: string, headers = {}) {
    const { url, endpoint } = await serve(room(), {
      connect: ({ as }) => ANSWERS.get(as)?.() ?? refuse(),
      longpoll: {},
    })
    const { connected, refused, crashed } = endpoint.telemetry
    const decisions = recorded(connected).all
    const refusals = recorded(refused).all
    const crashes = recorded(crashed).all
    await openUpgrade(`${url}/socket/${transport}?vsn=2.0.0&as=${who}`, headers)
    return { decisions, refusals, crashes }
  }

  for (const transport of ['websocket', 'longpoll']) {
    it(`by ${transport}: whom the app lets in or refuses, and what it was asked (C8.1)`, async () => {
      const letIn = await told(transport, 'friend')
      expect(letIn.decisions).to.have.length(1)
      expect(letIn.decisions[0]).to.include({ transport, vsn: 'v2', result: 'ok' })
      expect(letIn.decisions[0]).to.have.nested.property('params.as', 'friend')
      const refused = await told(transport, 'stranger')
      expect(refused.decisions).to.have.length(1)
      expect(refused.decisions[0]).to.include({ transport, result: 'error' })
      expect(refused.decisions[0]).to.include({ reason: 'who are you?' })
      for (const { refusals, crashes } of [letIn, refused]) {
        expect([refusals, crashes]).to.deep.equal([[], []])
      }
    })

    for (const [what, who, reason] of [
      ['what it throws', 'bomb', 'crash'],
      ['undefined that it throws', 'void', 'crash'],
      ['an answer of it that is none', 'nonsense', 'misuse'],
    ] as const) {
      it(`by ${transport}: ${what} is no refusal of the app’s, but a crash`, async () => {
        const { decisions, refusals, crashes } = await told(transport, who)
        expect(decisions).to.deep.equal([])
        expect(refusals).to.deep.equal([{ transport, reason }])
        expect(crashes).to.have.length(1)
      })
    }
  }

  const unfit: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
    'a plain GET': { connection: 'close', upgrade: undefined },
    'another version': { 'sec-websocket-version': '8' },
    'a short key': { 'sec-websocket-key': 'short' },
  }
  for (const [what, headers] of Object.entries(unfit)) {
    it(`${what} of whom the app lets in is refused for its headers, not by the app`, async () => {
      const { decisions, refusals, crashes } = await told('websocket', 'friend', headers)
      expect(refusals).to.deep.equal([{ transport: 'websocket', reason: 'headers' }])
      expect([decisions, crashes]).to.deep.equal([[], []])
    })
  }
})
