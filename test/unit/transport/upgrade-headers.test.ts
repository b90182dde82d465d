import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Headers } from '../../../server/transport/request.ts'
import { upgradeProblem } from '../../../server/transport/upgrade-headers.ts'
import { upgradeHeaders, upgradeRequest } from './upgrade-request.ts'

/** A good request whose header `name` is sent on these lines instead. */
function problemWith(name: string, ...lines: readonly string[]): string | undefined {
  const others = upgradeHeaders.filter(([each]) => each !== name)
  const headers: Headers = [...others, ...lines.map((line) => [name, line] as const)]
  return upgradeProblem(upgradeRequest({ headers }))
}

describe('upgradeProblem', () => {
  it('C1.1: finds none with a browser’s headers', () => {
    expect(upgradeProblem(upgradeRequest())).to.equal(undefined)
  })

  const fine: readonly (readonly [string, ...string[]])[] = [
    ['connection', 'keep-alive', 'x,UPGRADE'],
    ['upgrade', 'h2c, WebSocket'],
    ['sec-websocket-key', ''],
  ]
  for (const [name, ...lines] of fine) {
    it(`takes ${name}: ${lines.join(' / ')}`, () => {
      expect(problemWith(name, ...lines)).to.equal(undefined)
    })
  }

  it('C1.4: names the first header that is wrong, in Phoenix’s words', () => {
    const close: Headers = [
      ['host', 'a.com'],
      ['connection', 'close'],
    ]
    const expected = `'connection' header must contain 'upgrade', got ["close"]`
    expect(upgradeProblem(upgradeRequest({ headers: close }))).to.equal(expected)
    expect(upgradeProblem(upgradeRequest({ headers: [] }))).to.equal(`'host' header is absent`)
  })

  const problems: readonly (readonly [string, readonly string[], string])[] = [
    ['connection', [], `'connection' header must contain 'upgrade', got []`],
    ['connection', ['a', 'b"'], `'connection' header must contain 'upgrade', got ["a", "b\\""]`],
    ['upgrade', ['h2c'], `'upgrade' header must contain 'websocket', got ["h2c"]`],
    ['sec-websocket-version', ['12'], `'sec-websocket-version' header must equal '13', got ["12"]`],
    ['sec-websocket-version', [], `'sec-websocket-version' header must equal '13', got []`],
    [
      'sec-websocket-version',
      ['13', '13'],
      `'sec-websocket-version' header must equal '13', got ["13", "13"]`,
    ],
    ['sec-websocket-key', [], `'sec-websocket-key' header is absent`],
  ]
  for (const [name, lines, body] of problems) {
    it(`C1.4, C1.5, C1.6: ${body}`, () => {
      expect(problemWith(name, ...lines)).to.equal(body)
    })
  }
})
