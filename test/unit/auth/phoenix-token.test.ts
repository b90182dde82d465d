import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { TokenRefused } from '../../../server/auth/claims.ts'
import { Atom, type Term } from '../../../server/auth/external-term.ts'
import {
  phoenixKey,
  readPhoenixToken,
  verifyPhoenixToken,
} from '../../../server/auth/phoenix-token.ts'
import {
  atom,
  encodeCompressed,
  encodeTerm,
  phoenixToken,
  SALT,
  SECRET_KEY_BASE,
  signTerm,
  tuple,
} from '../../support/phoenix-token.ts'

const key = phoenixKey(SECRET_KEY_BASE, SALT)
const NOW = 1_800_000_000_000
const WHO = { sub: 'operator456', businessId: 'business123', permissions: ['agent_access'] }

/** Why a token is refused. Any other error is the test's failure. */
function reasonOf(token: string, now = NOW): string {
  try {
    verifyPhoenixToken(token, key, now)
  } catch (error) {
    if (error instanceof TokenRefused) return error.reason
    throw error
  }
  return 'none'
}

const signed = (data: unknown, signedAt: unknown = NOW - 1_000, maxAge: unknown = 60): string =>
  phoenixToken(data, signedAt, maxAge)

interface Vector {
  readonly what: string
  readonly token: string
  readonly data: Term
  readonly signedAt: number
  /** Milliseconds. */
  readonly maxAge: number
  readonly key?: Buffer
}

const DAY_MS = 86_400_000
const FOREVER = Number.POSITIVE_INFINITY

/** Made by Plug.Crypto. */
const VECTORS: readonly Vector[] = [
  {
    what: 'a number',
    token: 'SFMyNTY.g2gDYSpuBgAAaOXPiwFiAAFRgA.fI5VF_mTMPnN2Pf0PhUwJnoV9fNTL4GoYPvo9qlIx8E',
    data: 42,
    signedAt: 1_700_000_000_000,
    maxAge: DAY_MS,
  },
  {
    what: 'one that never expires',
    token: 'SFMyNTY.g2gDYSphAGQACGluZmluaXR5.lJXTlfwmz0hjCi2uDyq-0KDarl5uyA5C8k9pP4ViChE',
    data: 42,
    signedAt: 0,
    maxAge: FOREVER,
  },
  {
    what: 'a map of atoms',
    token:
      'SFMyNTY.g2gDdAAAAAJkAARyb2xlZAAFYWRtaW5kAAd1c2VyX2lkYSpuBgAAaOXPiwFiABJ1AA.Y2TA2E-kMlSYE4MX78O36IhsmtUyLDcnuyfVLplZnKs',
    data: new Map<Term, Term>([
      [new Atom('role'), new Atom('admin')],
      [new Atom('user_id'), 42],
    ]),
    signedAt: 1_700_000_000_000,
    maxAge: 14 * DAY_MS,
  },
  {
    what: 'another way to derive the key',
    token:
      'SFMyNTY.g2gDbQAAAAd1c2VyLcOpbgYAAGjlz4sBYgABUYA.fWWSq-4Vtu8s5ZKqOw65p2cFGdn7HoCqVk8T4K7IlMc',
    data: 'user-é',
    signedAt: 1_700_000_000_000,
    maxAge: DAY_MS,
    key: phoenixKey(SECRET_KEY_BASE, SALT, { digest: 'sha512', iterations: 2, length: 64 }),
  },
  {
    what: 'atoms of OTP 26',
    token:
      'SFMyNTY.g2gDdwVhZG1pbm4GAABo5c-LAXcIaW5maW5pdHk.5h0U43HT7apJqo0DltmbonkGZyjnPdxJUneuAeydEPE',
    data: new Atom('admin'),
    signedAt: 1_700_000_000_000,
    maxAge: FOREVER,
  },
  {
    what: 'a compressed term',
    token:
      'SFMyNTY.g1AAAAFBeJzLYM5lYGDUSUxKHkVEojw2BoaMp-e7GZMYGAMbADXOeC4.EedFPxn2j5QRtR8Noara7x04jACofzVHoMTErr16auo',
    data: 'abc'.repeat(100),
    signedAt: 1_700_000_000_000,
    maxAge: DAY_MS,
  },
  {
    what: 'a map of everything',
    token:
      'SFMyNTY.g2gDdAAAAAVtAAAAAWJkAAR0cnVlbQAAAAFmRj_4AAAAAAAAbQAAAAJpZGEHbQAAAAFsawACAQJtAAAAAW5kAANuaWxuBgAMeQYJogFiAAFRgA.t-1r8eaDrUNIxiQRL10DzZhqlos3l4T2-0z-tjKqPPQ',
    data: new Map<Term, Term>([
      ['b', true],
      ['f', 1.5],
      ['id', 7],
      ['l', [1, 2]],
      ['n', null],
    ]),
    signedAt: 1_795_447_748_876,
    maxAge: DAY_MS,
  },
  {
    what: 'a large number',
    token: 'SFMyNTY.g2gDbgUAAPIFKgFuBgDEeQYJogFiAAFRgA.h68vJ8ZjceVAkmmLg2zO66CPc_Cl-V4GS-qZZdUo3dE',
    data: 5_000_000_000,
    signedAt: 1_795_447_749_060,
    maxAge: DAY_MS,
  },
  {
    what: 'a negative number',
    token: 'SFMyNTY.g2gDYv____1uBgACegYJogFiAAFRgA.u2QhXFSdE1-0of-ZMaZG6AniMaXkiDY09Zv2YeZX2lM',
    data: -3,
    signedAt: 1_795_447_749_122,
    maxAge: DAY_MS,
  },
]

describe('Phoenix.Token (protocol 7)', () => {
  it('derives its key as Plug.Crypto does', () => {
    expect(key.toString('hex')).to.equal(
      '2accee82cd986fd3c15e55abf3db03db01e891a4bb9469389a7584fdda020199',
    )
  })

  for (const { what, token, key: own, ...holds } of VECTORS) {
    it(`C7.1: reads ${what}`, () => {
      expect(readPhoenixToken(token, own ?? key)).to.deep.equal(holds)
    })
  }

  it('names an operator by a map of texts, or of atoms', () => {
    const claims = {
      operatorId: 'operator456',
      businessId: 'business123',
      permissions: ['agent_access'],
      expiresAt: NOW + 59_000,
    }
    expect(verifyPhoenixToken(signed(WHO), key, NOW)).to.deep.equal(claims)
    const atoms = new Map<unknown, unknown>([
      [atom('sub'), 'operator456'],
      [atom('businessId'), 'business123'],
      [atom('permissions'), ['agent_access']],
      [7, 'nobody asks for this'],
    ])
    expect(verifyPhoenixToken(signed(atoms), key, NOW)).to.deep.equal(claims)
    const compressed = signTerm(encodeCompressed(tuple(WHO, NOW - 1_000, 60)))
    expect(verifyPhoenixToken(compressed, key, NOW)).to.deep.equal(claims)
  })

  it('C7.2: is refused with another salt, another secret, or one bit flipped', () => {
    const token = signed(WHO)
    expect(reasonOf(signTerm(encodeTerm(1), phoenixKey(SECRET_KEY_BASE, 'other')))).to.equal(
      'signature',
    )
    expect(reasonOf(signTerm(encodeTerm(1), phoenixKey('x'.repeat(64), SALT)))).to.equal(
      'signature',
    )
    const [head, payload = '', mac = ''] = token.split('.')
    const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
    expect(reasonOf([head, flip(payload), mac].join('.'))).to.equal('signature')
    expect(reasonOf([head, payload, flip(mac)].join('.'))).to.equal('signature')
    expect(reasonOf([head, payload, mac.slice(4)].join('.'))).to.equal('signature')
  })

  it('C7.2: is refused with a part too few or too many, padding, or another header', () => {
    const token = signed(WHO)
    const [head, payload = '', mac = ''] = token.split('.')
    const malformed = [
      `${head}.${payload}`,
      `${token}.x`,
      `${token}=`,
      `${head}..${mac}`,
      `SFM1MTI.${payload}.${mac}`,
      `XCP.${payload}`,
      '',
    ]
    for (const text of malformed) expect(reasonOf(text), text).to.equal('malformed')
  })

  it('C7.4: expires when max_age is over, to the millisecond; 0 and less is always', () => {
    expect(reasonOf(signed(WHO, NOW - 59_999, 60))).to.equal('none')
    expect(reasonOf(signed(WHO, NOW - 60_000, 60))).to.equal('expired')
    expect(reasonOf(signed(WHO, NOW - 1_499, 1.5))).to.equal('none')
    expect(reasonOf(signed(WHO, NOW - 1_500, 1.5))).to.equal('expired')
    expect(reasonOf(signed(WHO, NOW, 0))).to.equal('expired')
    expect(reasonOf(signed(WHO, NOW, -1))).to.equal('expired')
  })

  it('is refused where it would never expire', () => {
    expect(reasonOf(signed(WHO, NOW - 1, atom('infinity')))).to.equal('claims')
    expect(reasonOf(signed(WHO, NOW - 1, 2 ** 50))).to.equal('claims')
  })

  it('C7.5: is refused where it was signed in the future', () => {
    expect(reasonOf(signed(WHO, NOW + 1))).to.equal('not_yet_valid')
    expect(reasonOf(signed(WHO, NOW))).to.equal('none')
  })

  const NO_TERMS = {
    'bytes that are no term': Buffer.from([131, 200]),
    'another tuple': encodeTerm(tuple(WHO, NOW)),
    'a list': encodeTerm([WHO, NOW, 60]),
    'a time that is a text': encodeTerm(tuple(WHO, String(NOW), 60)),
    'a time that is too large': encodeTerm(tuple(WHO, 2n ** 70n, 60)),
    'an age that is an atom': encodeTerm(tuple(WHO, NOW, atom('day'))),
    'an age that is nil': encodeTerm(tuple(WHO, NOW, null)),
  }
  for (const [what, bytes] of Object.entries(NO_TERMS)) {
    it(`C7.9: is refused over ${what}`, () => {
      expect(reasonOf(signTerm(bytes))).to.equal('malformed')
    })
  }

  const NOBODY = {
    'a number': 42,
    'a list of pairs': [tuple('sub', 'a')],
    'a map without businessId': { sub: 'a' },
    'an operator who is a number': { ...WHO, sub: 42 },
    'an operator who is an atom': { ...WHO, sub: atom('a') },
    'an empty operator': { ...WHO, sub: '' },
    'a business of 257 bytes': { ...WHO, businessId: 'a'.repeat(257) },
    'permissions that are a text': { ...WHO, permissions: 'agent_access' },
    'permissions that are numbers': { ...WHO, permissions: [1, 2] },
    'one name as text and as atom': new Map<unknown, unknown>([
      ...Object.entries(WHO),
      [atom('sub'), 'another'],
    ]),
  }
  for (const [what, data] of Object.entries(NOBODY)) {
    it(`names nobody by ${what}`, () => {
      expect(reasonOf(signed(data))).to.equal('claims')
    })
  }

  it('is refused in its own words, whatever the text', () => {
    const part = fc.base64String({ maxLength: 40 })
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(part, part).map((parts) => `SFMyNTY.${parts.join('.')}`),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => signTerm(Buffer.from([131, ...bytes]))),
    )
    fc.assert(
      fc.property(text, (token) => {
        expect(reasonOf(token)).to.be.oneOf(['malformed', 'signature', 'claims', 'expired'])
      }),
      { numRuns: 1_000 },
    )
  })
})
