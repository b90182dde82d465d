import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { expect } from 'chai'
import { afterEach, before, beforeEach, describe, it } from 'mocha'
import { parsePublicKeys } from '../../../server/auth/public-keys.ts'
import type { Verifier } from '../../../server/auth/verifier.ts'
import { type KeyServer, startKeyServer } from '../../support/key-server.ts'
import { Queue } from '../../support/queue.ts'
import {
  claims,
  ecdsa,
  eddsa,
  hmac,
  jwkOf,
  jws,
  KEYS,
  reasonOf,
  rsa,
  SECRET,
  type Signer,
  token,
  verifierOf,
} from '../../support/tokens.ts'

const HS256 = { alg: 'HS256' }
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

/** A token of a public algorithm. */
const publicToken = (alg: (typeof ALGORITHMS)[number], changes: object = {}, kid?: string) => {
  const header = { alg, ...(kid !== undefined && { kid }) }
  return jws(header, claims(changes), KEYS[alg].signer(KEYS[alg].privateKey))
}

const keysOf = (...algorithms: readonly (typeof ALGORITHMS)[number][]) =>
  parsePublicKeys(JSON.stringify({ keys: algorithms.map((alg) => jwkOf(alg)) })) ?? []

describe('what a JSON Web Token is signed with', () => {
  let secret: Verifier
  let everything: Verifier
  before(async () => {
    secret = await verifierOf({ authSecret: SECRET })
    everything = await verifierOf({ authSecret: SECRET, authPublicKeys: keysOf(...ALGORITHMS) })
  })

  describe('its key', () => {
    it('is the secret, and no other', async () => {
      expect(await reasonOf(secret, token())).to.equal('none')
      expect(await reasonOf(secret, token({}, `${SECRET}.`))).to.equal('signature')
      expect(await reasonOf(secret, token({}, ''))).to.equal('signature')
    })

    for (const algorithm of ALGORITHMS) {
      it(`is the public one of ${algorithm}`, async () => {
        const verifier = await verifierOf({ authPublicKeys: keysOf(algorithm) })
        expect(await reasonOf(verifier, publicToken(algorithm))).to.equal('none')
        expect(await reasonOf(everything, publicToken(algorithm))).to.equal('none')
        const forged = jws({ alg: algorithm }, claims(), () => Buffer.alloc(64, 1))
        expect(await reasonOf(verifier, forged)).to.equal('signature')
      })

      it(`is none where only others than ${algorithm} are known`, async () => {
        const others = ALGORITHMS.filter((each) => each !== algorithm)
        const verifier = await verifierOf({ authPublicKeys: keysOf(...others) })
        expect(await reasonOf(verifier, publicToken(algorithm))).to.equal('unknown_key')
        expect(await reasonOf(secret, publicToken(algorithm))).to.equal('unknown_key')
      })
    }

    it('is tried among several of one algorithm', async () => {
      const { publicKey } = generateKeyPairSync('ed25519')
      const [other] = parsePublicKeys(JSON.stringify(publicKey.export({ format: 'jwk' }))) ?? []
      const keys = [...(other ? [other] : []), ...keysOf('EdDSA')]
      const verifier = await verifierOf({ authPublicKeys: keys })
      expect(await reasonOf(verifier, publicToken('EdDSA'))).to.equal('none')
    })

    it('has the name that the token says, if both have one', async () => {
      const keys = parsePublicKeys(JSON.stringify(jwkOf('ES256', 'k1'))) ?? []
      const verifier = await verifierOf({ authPublicKeys: keys })
      expect(await reasonOf(verifier, publicToken('ES256', {}, 'k1'))).to.equal('none')
      expect(await reasonOf(verifier, publicToken('ES256'))).to.equal('none')
      expect(await reasonOf(verifier, publicToken('ES256', {}, 'k2'))).to.equal('unknown_key')
    })

    describe('behind a URL', () => {
      /** Nothing is answered unless the test does. */
      let asked: Queue<ServerResponse>
      let server: KeyServer
      let verifier: Verifier
      let errors: unknown[]

      beforeEach(async () => {
        asked = new Queue(String)
        errors = []
        server = await startKeyServer((response) => asked.push(response))
        const { publicKey } = generateKeyPairSync('ed25519')
        const others = parsePublicKeys(JSON.stringify(publicKey.export({ format: 'jwk' }))) ?? []
        const means = { authPublicKeys: [...keysOf('ES256'), ...others], authJwksUrl: server.url }
        verifier = await verifierOf(means, (error) => errors.push(error))
      })
      afterEach(async () => {
        verifier.close()
        await server.stop()
      })

      it('is not waited for where one that is configured verifies the token', async () => {
        expect(await reasonOf(verifier, publicToken('ES256'))).to.equal('none')
        expect(await reasonOf(verifier, publicToken('ES256', { exp: 1 }))).to.equal('expired')
        expect(errors, 'the set is still being fetched').to.deep.equal([])
      })

      it('is taken where none of those verifies it', async () => {
        const reason = reasonOf(verifier, publicToken('EdDSA'))
        const response = await asked.next()
        response.end(JSON.stringify({ keys: [jwkOf('EdDSA')] }))
        expect(await reason).to.equal('none')
        expect(await reasonOf(verifier, publicToken('RS256'))).to.equal('unknown_key')
      })
    })

    it('is never a secret where it is public: HS256 with an RSA key’s text is refused', async () => {
      const rs256 = await verifierOf({ authPublicKeys: keysOf('RS256') })
      const { publicKey } = KEYS.RS256
      const texts = [
        publicKey.export({ type: 'spki', format: 'pem' }),
        publicKey.export({ type: 'spki', format: 'der' }),
        JSON.stringify(publicKey.export({ format: 'jwk' })),
        String(publicKey.export({ format: 'jwk' }).n),
      ]
      for (const text of texts) {
        const forged = jws(HS256, claims(), hmac(text))
        expect(await reasonOf(rs256, forged)).to.equal('unknown_key')
        expect(await reasonOf(everything, forged)).to.equal('signature')
      }
    })

    it('is not one that the token brings along', async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      const jwk = publicKey.export({ format: 'jwk' })
      for (const header of [{ jwk }, { jku: 'http://127.0.0.1:1/' }, { x5c: ['x'] }]) {
        const forged = jws({ alg: 'EdDSA', ...header }, claims(), eddsa(privateKey))
        expect(await reasonOf(everything, forged)).to.equal('signature')
      }
    })

    it('is too weak below 2,048 bits of RSA, and of no use on another curve', () => {
      const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
      const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
      const agreement = generateKeyPairSync('x25519').publicKey
      for (const key of [weak, curve, agreement]) {
        expect(parsePublicKeys(JSON.stringify(key.export({ format: 'jwk' })))).to.equal(undefined)
        const pem = createPublicKey(key.export({ type: 'spki', format: 'pem' }))
        expect(parsePublicKeys(pem.export({ type: 'spki', format: 'pem' }).toString())).to.equal(
          undefined,
        )
      }
    })
  })

  describe('its algorithm', () => {
    const unsigned: Signer = () => Buffer.alloc(0)
    const { privateKey } = KEYS.RS256

    const REFUSED: Readonly<Record<string, readonly [header: object, signer: Signer]>> = {
      none: [{ alg: 'none' }, unsigned],
      NoNe: [{ alg: 'NoNe' }, unsigned],
      'an empty one': [{ alg: '' }, unsigned],
      'one that is missing': [{}, unsigned],
      'one that is a list': [{ alg: ['HS256'] }, hmac(SECRET)],
      HS512: [{ alg: 'HS512' }, hmac(SECRET, 'sha512')],
      hs256: [{ alg: 'hs256' }, hmac(SECRET)],
      PS256: [{ alg: 'PS256' }, rsa(privateKey)],
      RS512: [{ alg: 'RS512' }, rsa(privateKey)],
      ES384: [{ alg: 'ES384' }, ecdsa(KEYS.ES256.privateKey)],
      'a name that every object has': [{ alg: 'constructor' }, unsigned],
    }
    for (const [what, [header, signer]] of Object.entries(REFUSED)) {
      it(`is not ${what}`, async () => {
        expect(await reasonOf(everything, jws(header, claims(), signer))).to.equal('algorithm')
      })
    }

    it('signs: without a signature, or with another’s, a token is refused', async () => {
      const whole = token()
      const without = whole.slice(0, whole.lastIndexOf('.') + 1)
      expect(await reasonOf(everything, without)).to.equal('signature')
      const other = token({ sub: 'operator457' })
      const swapped = [...other.split('.').slice(0, 2), whole.split('.')[2]].join('.')
      expect(await reasonOf(everything, swapped)).to.equal('signature')
    })

    it('may not be extended by what the header calls critical', async () => {
      const header = { ...HS256, crit: ['b64'], b64: false }
      expect(await reasonOf(everything, jws(header, claims(), hmac(SECRET)))).to.equal('malformed')
      const unknown = { ...HS256, crit: ['x'], x: 1 }
      expect(await reasonOf(everything, jws(unknown, claims(), hmac(SECRET)))).to.equal('malformed')
    })
  })
})
