import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  type SubprotocolOptions,
  selectSubprotocol,
} from '../../../server/transport/subprotocol.ts'

const PREFIX = 'base64url.bearer.phx.'
const TOKENS: SubprotocolOptions = { authToken: true }
const NAMES: SubprotocolOptions = { authToken: false, subprotocols: ['sip', 'mqtt'] }
const BOTH: SubprotocolOptions = { authToken: true, subprotocols: ['sip'] }
const NEITHER: SubprotocolOptions = { authToken: false }

/** As phoenix.js encodes a token. */
const entry = (token: string) => PREFIX + btoa(token).replaceAll('=', '')

describe('selectSubprotocol', () => {
  const selects = (
    title: string,
    header: string | undefined,
    options: SubprotocolOptions,
    expected: { protocol?: string; authToken?: string | null; offered: string },
  ) =>
    it(title, () => {
      expect(selectSubprotocol(header, options)).to.deep.equal({
        protocol: undefined,
        authToken: null,
        ...expected,
      })
    })
  const refuses = (title: string, header: string, options: SubprotocolOptions, status: number) =>
    it(title, () => {
      expect(selectSubprotocol(header, options)).to.deep.equal({ refused: status })
    })

  selects('C1.55: the server’s order decides', 'mqtt,sip', NAMES, {
    protocol: 'sip',
    offered: 'mqtt, sip',
  })
  selects('takes the one that both speak', 'x, ,mqtt', NAMES, {
    protocol: 'mqtt',
    offered: 'x, mqtt',
  })
  refuses('C1.56: only unknown ones', 'stomp, SIP', NAMES, 403)
  refuses('an empty header offers nothing known', '', NAMES, 403)
  selects('C1.57: none offered', undefined, NAMES, { offered: '' })
  selects('C1.58: none configured', `phoenix, ${entry('t')}`, NEITHER, {
    offered: `phoenix, ${entry('t')}`,
  })
  selects('C1.59: phoenix and a token', `phoenix, ${entry('secret?>')}`, TOKENS, {
    protocol: 'phoenix',
    authToken: 'secret?>',
    offered: 'phoenix',
  })
  selects('C1.60: in the other order', `${entry('t')},phoenix`, TOKENS, {
    protocol: 'phoenix',
    authToken: 't',
    offered: 'phoenix',
  })
  selects('C1.61: nothing offered', undefined, TOKENS, { offered: '' })
  selects('C1.62: only phoenix', 'phoenix', TOKENS, { protocol: 'phoenix', offered: 'phoenix' })
  selects('a token alone: no subprotocol', entry('tok'), TOKENS, { authToken: 'tok', offered: '' })
  selects(
    'C1.63: two tokens are none, and shown to nobody',
    `${entry('a')}, phoenix, ${entry('b')}`,
    TOKENS,
    {
      protocol: 'phoenix',
      offered: 'phoenix',
    },
  )
  refuses('C1.63: two tokens without phoenix', `${entry('a')}, ${entry('b')}`, TOKENS, 403)
  selects('C1.64: an empty token', `phoenix, ${PREFIX}`, TOKENS, {
    protocol: 'phoenix',
    authToken: '',
    offered: 'phoenix',
  })
  for (const encoded of ['+/+/', '-_-_', '+_-/']) {
    selects(`C1.65, C1.66: ${encoded} decodes`, `phoenix, ${PREFIX}${encoded}`, TOKENS, {
      protocol: 'phoenix',
      authToken: '\u00fb\u00ff\u00bf',
      offered: 'phoenix',
    })
  }
  for (const encoded of ['dG9rZQ', 'dG9rZQ==']) {
    selects(`padding is optional: ${encoded}`, `phoenix, ${PREFIX}${encoded}`, TOKENS, {
      protocol: 'phoenix',
      authToken: 'toke',
      offered: 'phoenix',
    })
  }
  for (const encoded of ['a', 'abcde', 'ab=', 'abc==', '=', 'ab!d', 'ab d', 'é', '====']) {
    refuses(`C1.67: ${encoded} is no base64`, `phoenix, ${PREFIX}${encoded}`, TOKENS, 400)
  }
  selects('C1.68: a configured one and a token', `sip, ${entry('t')}`, BOTH, {
    protocol: 'sip',
    authToken: 't',
    offered: 'sip',
  })
  selects('C1.68: phoenix goes first', `sip, phoenix, ${entry('t')}`, BOTH, {
    protocol: 'phoenix',
    authToken: 't',
    offered: 'sip, phoenix',
  })
  refuses('C1.69: an unknown one and a token', `other, ${entry('t')}`, BOTH, 403)
  refuses('a token means nothing where none is taken', entry('t'), NAMES, 403)

  it('gives back any token that phoenix.js can send', () => {
    const token = fc
      .array(fc.integer({ min: 0, max: 255 }))
      .map((codes) => String.fromCharCode(...codes))
    fc.assert(
      fc.property(token, (sent) => {
        const selected = selectSubprotocol(`phoenix, ${entry(sent)}`, TOKENS)
        expect(selected).to.include({ protocol: 'phoenix', authToken: sent })
      }),
    )
  })

  it('never throws, and never offers a token on', () => {
    const part = fc.constantFrom(PREFIX, 'phoenix', 'sip', ',', ' ', '=', 'dG9r', 'é', '\0')
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(header, fc.constantFrom(TOKENS, BOTH, NAMES, NEITHER), (text, options) => {
        const selected = selectSubprotocol(text, options)
        if ('refused' in selected || !options.authToken) return
        const entries = selected.offered.split(', ')
        expect(entries.filter((each) => each.startsWith(PREFIX))).to.deep.equal([])
      }),
      { numRuns: 500 },
    )
  })
})
