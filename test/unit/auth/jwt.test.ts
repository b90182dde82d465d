import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { before, describe, it } from 'mocha'
import { TokenRefused } from '../../../server/auth/claims.ts'
import type { Verifier } from '../../../server/auth/verifier.ts'
import {
  ALL,
  claims,
  hmac,
  inSeconds,
  jws,
  reasonOf,
  SECRET,
  token,
  verifierOf,
} from '../../support/tokens.ts'

const HS256 = { alg: 'HS256' }

describe('a JSON Web Token', () => {
  let secret: Verifier
  before(async () => {
    secret = await verifierOf({ authSecret: SECRET })
  })

  describe('its claims', () => {
    it('name the operator, the business and the permissions, and say until when', async () => {
      const exp = Math.ceil(inSeconds(60))
      expect(await secret.verify(token({ exp, iat: 0, extra: { a: 1 } }))).to.deep.equal({
        operatorId: 'operator456',
        businessId: 'business123',
        permissions: ALL,
        expiresAt: exp * 1_000,
      })
    })

    it('may do without permissions, which then are none', async () => {
      expect(await secret.verify(token({ permissions: undefined }))).to.deep.include({
        permissions: [],
      })
    })

    it('may hold ids of 256 bytes in any writing', async () => {
      const sub = 'ă'.repeat(128)
      expect(await secret.verify(token({ sub }))).to.include({ operatorId: sub })
    })

    const BAD: Readonly<Record<string, object>> = {
      'no sub': { sub: undefined },
      'no businessId': { businessId: undefined },
      'no exp': { exp: undefined },
      'an empty sub': { sub: '' },
      'a sub of 257 bytes': { sub: `${'ă'.repeat(128)}a` },
      'half a character': { businessId: '\ud800' },
      'a sub that is a number': { sub: 7 },
      'a businessId that is a list': { businessId: ['business123'] },
      'an exp that is a text': { exp: '99999999999' },
      'an exp that is null': { exp: null },
      'an exp past all dates': { exp: 8.64e12 + 1 },
      'permissions that are a text': { permissions: 'agent_access' },
      'permissions that are an object': { permissions: { 0: 'agent_access', length: 1 } },
      'a permission that is a number': { permissions: ['agent_access', 7] },
      'a permission of 129 characters': { permissions: ['a'.repeat(129)] },
      'over 256 permissions': { permissions: new Array(257).fill('a') },
      'an nbf that is a text': { nbf: '0' },
    }
    for (const [what, changes] of Object.entries(BAD)) {
      it(`may not be with ${what}`, async () => {
        expect(await reasonOf(secret, token(changes))).to.equal('claims')
      })
    }

    it('may not be inherited', async () => {
      const text = `{"__proto__":${JSON.stringify(claims())},"exp":${inSeconds(60)}}`
      expect(await reasonOf(secret, jws(HS256, text, hmac(SECRET)))).to.equal('claims')
    })

    it('may not last for ever', async () => {
      const text = JSON.stringify(claims()).replace(/"exp":[\d.]+/, '"exp":1e999')
      expect(await reasonOf(secret, jws(HS256, text, hmac(SECRET)))).to.equal('claims')
    })

    for (const text of ['null', '[]', '"text"', '7', '{', '']) {
      it(`may not be ${text || 'nothing'}`, async () => {
        expect(await reasonOf(secret, jws(HS256, text, hmac(SECRET)))).to.equal('malformed')
      })
    }
  })

  describe('its times', () => {
    it('are exact: it has expired in the moment of exp, and is not valid before nbf', async () => {
      expect(await reasonOf(secret, token({ exp: inSeconds(-0.001) }))).to.equal('expired')
      expect(await reasonOf(secret, token({ exp: inSeconds(0) }))).to.equal('expired')
      expect(await reasonOf(secret, token({ exp: 0 }))).to.equal('expired')
      expect(await reasonOf(secret, token({ exp: inSeconds(-3_600) }))).to.equal('expired')
      expect(await reasonOf(secret, token({ nbf: inSeconds(5) }))).to.equal('not_yet_valid')
      expect(await reasonOf(secret, token({ nbf: inSeconds(3_600) }))).to.equal('not_yet_valid')
      expect(await reasonOf(secret, token({ nbf: inSeconds(-0.001) }))).to.equal('none')
    })

    it('may be months away', async () => {
      const exp = inSeconds(180 * 86_400)
      expect(await secret.verify(token({ exp }))).to.include({ expiresAt: exp * 1_000 })
    })
  })

  describe('its issuer and audience', () => {
    it('are not looked at where nothing is said of them', async () => {
      expect(await reasonOf(secret, token({ iss: 'anybody', aud: 'anything' }))).to.equal('none')
    })

    it('are those that are configured', async () => {
      const verifier = await verifierOf({ authSecret: SECRET, authIssuer: 'i', authAudience: 'a' })
      expect(await reasonOf(verifier, token({ iss: 'i', aud: 'a' }))).to.equal('none')
      expect(await reasonOf(verifier, token({ iss: 'i', aud: ['b', 'a'] }))).to.equal('none')
      expect(await reasonOf(verifier, token({ iss: 'I', aud: 'a' }))).to.equal('issuer')
      expect(await reasonOf(verifier, token({ aud: 'a' }))).to.equal('issuer')
      expect(await reasonOf(verifier, token({ iss: 'i', aud: ['b'] }))).to.equal('audience')
      expect(await reasonOf(verifier, token({ iss: 'i' }))).to.equal('audience')
    })
  })

  describe('what is no token', () => {
    const NONE: Readonly<Record<string, readonly [given: unknown, reason: string]>> = {
      'nothing at all': [undefined, 'missing'],
      null: [null, 'missing'],
      'an empty text': ['', 'malformed'],
      'a list': [['a'], 'malformed'],
      'a map of params': [{ a: '1' }, 'malformed'],
      'a text': ['token', 'malformed'],
      'four parts': [`${token()}.a`, 'malformed'],
      'five parts, encrypted': ['a.b.c.d.e', 'malformed'],
      'a kid that is a number': [jws({ ...HS256, kid: 7 }, claims(), hmac(SECRET)), 'malformed'],
      'a header that is a list': [jws('[]', claims(), hmac(SECRET)), 'malformed'],
      'a Phoenix.Token': ['SFMyNTY.g2gD.AAAA', 'unknown_key'],
      'more than 8 KiB': [token({ pad: 'a'.repeat(8_192) }), 'too_large'],
      'a megabyte': ['a'.repeat(1_048_576), 'too_large'],
    }
    for (const [what, [given, reason]] of Object.entries(NONE)) {
      it(`is refused: ${what}`, async () => {
        expect(await reasonOf(secret, given)).to.equal(reason)
      })
    }

    it('is refused in its own words, whatever the text', async () => {
      const json = fc.json({ maxDepth: 3 })
      const header = fc.oneof(json, fc.constantFrom('{"alg":"HS256"}', '{"alg":"ES256"}'))
      const signed = fc.tuple(header, json).map(([head, body]) => jws(head, body, hmac(SECRET)))
      const whole = token()
      const mutated = fc
        // Not its last character, some bits of which mean nothing.
        .tuple(fc.nat(whole.length - 3), fc.string({ unit: 'binary', maxLength: 3 }))
        .map(([at, text]) => whole.slice(0, at) + text + whole.slice(at + 2))
        .filter((text) => text !== whole)
      const random = fc.string({ unit: 'binary' })
      await fc.assert(
        fc.asyncProperty(fc.oneof(signed, mutated, random), async (text) => {
          expect(await reasonOf(secret, text)).to.not.equal('none')
        }),
        { numRuns: 500 },
      )
    })

    it('is told by one fixed word, which holds nothing of it', async () => {
      const mac = createHmac('sha256', SECRET).update('x').digest('hex')
      const error = await secret.verify(`${mac}.${mac}.${mac}`).catch((thrown) => thrown)
      expect(error).to.be.instanceOf(TokenRefused)
      expect(String(error)).to.equal('TokenRefused: token refused: malformed')
    })
  })
})
