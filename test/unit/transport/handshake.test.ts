import { expect } from 'chai'
import { describe, it } from 'mocha'
import { accept, type ConnectOutcome } from '../../../server/channel/user-socket.ts'
import {
  type HandshakeOptions,
  handshake,
  UNAVAILABLE,
} from '../../../server/transport/handshake.ts'
import { compileOriginCheck } from '../../../server/transport/origin.ts'
import { upgradeRequest, withHeaders } from './upgrade-request.ts'

const OPTIONS: HandshakeOptions = {
  checkOrigin: compileOriginCheck(true, ['localhost']),
  authToken: false,
  connectInfo: [],
  pathParams: {},
}

/** A handler that records what it was asked, and answers the same each time. */
function app<T>(answer: T) {
  const calls: { readonly params: unknown; readonly info: unknown }[] = []
  const connect = (params: unknown, info: unknown): T => {
    calls.push({ params, info })
    return answer
  }
  return { calls, connect }
}

const EVERYBODY = accept({ role: 'admin' }, 'user:1')
/** Answers that only untyped code can give. */
const broken = (outcome: unknown) => outcome as ConnectOutcome
const refusal = (reason: string, status: number, body = '') => ({
  kind: 'refuse',
  reason,
  status,
  body,
})

describe('handshake', () => {
  describe('up to connect', () => {
    it('C1.1: accepts a good request with the codec, the subprotocol and the session', () => {
      const verdict = handshake(upgradeRequest(), OPTIONS, () => EVERYBODY)
      if ('then' in verdict || verdict.kind !== 'accept') throw new Error('not accepted at once')
      expect(verdict.codec.name).to.equal('v2')
      expect(verdict.protocol).to.equal(undefined)
      expect(verdict.session).to.deep.equal({ assigns: { role: 'admin' }, id: 'user:1' })
    })

    it('C1.3: any method but GET is answered 400 with an empty body', () => {
      for (const method of ['POST', 'PUT', 'HEAD', 'get']) {
        const { connect, calls } = app(EVERYBODY)
        const verdict = handshake(upgradeRequest({ method }), OPTIONS, connect)
        expect(verdict).to.deep.equal(refusal('method', 400))
        expect(calls).to.deep.equal([])
      }
    })

    it('C1.9, C1.10, C1.20: connect gets the query and the path’s variables, which win', () => {
      const { connect, calls } = app(EVERYBODY)
      const options = { ...OPTIONS, pathParams: { room: 'path', ['__proto__']: 'x' } }
      const query = 'vsn=2.0.0&room=query&a[b]=1'
      const verdict = handshake(upgradeRequest({ query }), options, connect)
      expect(verdict).to.include({ kind: 'accept' })
      expect(JSON.parse(JSON.stringify(calls[0]?.params))).to.deep.equal(
        JSON.parse('{"vsn":"2.0.0","room":"path","a":{"b":"1"},"__proto__":"x"}'),
      )
    })

    it('C1.11: without vsn the codec is v1', () => {
      const verdict = handshake(upgradeRequest({ query: '' }), OPTIONS, () => EVERYBODY)
      expect(verdict).to.have.nested.property('codec.name', 'v1')
    })

    it('C1.14, C1.18: an unsupported vsn is 403, and connect is not called', () => {
      for (const query of ['vsn=9.9.9', 'vsn=2.0', 'vsn[]=2.0.0', 'vsn[a]=1']) {
        const { connect, calls } = app(EVERYBODY)
        const verdict = handshake(upgradeRequest({ query }), OPTIONS, connect)
        expect(verdict).to.deep.equal(refusal('vsn', 403))
        expect(calls).to.deep.equal([])
      }
    })

    it('C1.21: a query that is no UTF-8 is 400', () => {
      const verdict = handshake(upgradeRequest({ query: 'a=%ff' }), OPTIONS, () => EVERYBODY)
      expect(verdict).to.deep.equal({
        ...refusal('query', 400, '{"errors":{"detail":"Bad Request"}}'),
        contentType: 'application/json; charset=utf-8',
      })
    })

    it('C1.42: a foreign origin is 403 before connect runs', () => {
      const { connect, calls } = app(EVERYBODY)
      const verdict = handshake(withHeaders(['origin', 'http://evil.example']), OPTIONS, connect)
      expect(verdict).to.deep.equal(refusal('origin', 403))
      expect(calls).to.deep.equal([])
    })

    it('C1.42: an origin sent twice passes for neither', () => {
      const twice = withHeaders(['origin', 'http://localhost'], ['origin', 'http://localhost'])
      const verdict = handshake(twice, OPTIONS, () => EVERYBODY)
      expect(verdict).to.deep.equal(refusal('origin', 403))
    })

    it('C1.49: conn compares the origin with the request’s own scheme and Host header', () => {
      const options = { ...OPTIONS, checkOrigin: compileOriginCheck('conn', []) }
      const kind = (origin: string, scheme: 'http' | 'https') =>
        handshake({ ...withHeaders(['origin', origin]), scheme }, options, () => EVERYBODY)
      expect(kind('http://localhost:4000', 'http')).to.include({ kind: 'accept' })
      expect(kind('http://localhost:4000', 'https')).to.include({ reason: 'origin' })
    })

    it('C1.56, C1.67: an unknown subprotocol is 403, an undecodable token 400', () => {
      const options = { ...OPTIONS, authToken: true }
      const verdictOn = (protocols: string) =>
        handshake(withHeaders(['sec-websocket-protocol', protocols]), options, () => EVERYBODY)
      expect(verdictOn('other')).to.deep.equal(refusal('subprotocol', 403))
      expect(verdictOn('phoenix, base64url.bearer.phx.!')).to.deep.equal(
        refusal('subprotocol', 400),
      )
    })

    it('C1.37, C1.59: connect gets the token, the response its subprotocol, no header the token', () => {
      const { connect, calls } = app(EVERYBODY)
      const options = {
        ...OPTIONS,
        authToken: true,
        connectInfo: ['sec_websocket_headers'],
      } as const
      const sent = withHeaders(
        ['sec-websocket-protocol', 'phoenix'],
        ['sec-websocket-protocol', 'base64url.bearer.phx.c2VjcmV0'],
      )
      expect(handshake(sent, options, connect)).to.include({ protocol: 'phoenix' })
      expect(calls[0]?.info).to.include({ auth_token: 'secret' })
      expect(calls[0]?.info)
        .to.have.property('sec_websocket_headers')
        .that.deep.includes(['sec-websocket-protocol', 'phoenix'])
      expect(JSON.stringify(calls[0]?.info)).to.not.include('bearer')
    })

    it('C1.31, C1.61: auth_token is null without one, and absent where the mount takes none', () => {
      for (const [authToken, info] of [
        [true, { auth_token: null }],
        [false, {}],
      ] as const) {
        const { connect, calls } = app(EVERYBODY)
        const verdict = handshake(upgradeRequest(), { ...OPTIONS, authToken }, connect)
        expect(verdict).to.include({ kind: 'accept' })
        expect(calls[0]?.info).to.deep.equal(info)
      }
    })

    it('a check of the origin that throws is 500, with its error', () => {
      const error = new Error('origin')
      const checkOrigin = () => {
        throw error
      }
      const verdict = handshake(upgradeRequest(), { ...OPTIONS, checkOrigin }, () => EVERYBODY)
      expect(verdict).to.include({ reason: 'crash', status: 500, error })
    })

    it('decides in Phoenix’s order: method, query, origin, subprotocol, vsn', () => {
      let request = {
        ...withHeaders(['origin', 'http://evil.example'], ['sec-websocket-protocol', 'other']),
        method: 'POST',
        query: 'vsn=0&a=%ff',
      }
      const options = { ...OPTIONS, subprotocols: ['sip'] }
      const reason = () => {
        const verdict = handshake(request, options, () => EVERYBODY)
        return 'reason' in verdict ? verdict.reason : verdict
      }
      expect(reason()).to.equal('method')
      request = { ...request, method: 'GET' }
      expect(reason()).to.equal('query')
      request = { ...request, query: 'vsn=0' }
      expect(reason()).to.equal('origin')
      request = { ...request, ...withHeaders(['sec-websocket-protocol', 'other']), query: 'vsn=0' }
      expect(reason()).to.equal('subprotocol')
      request = { ...upgradeRequest(), query: 'vsn=0' }
      expect(reason()).to.equal('vsn')
    })
  })

  describe('what connect decides', () => {
    it('C1.22: a refusal is 403 with an empty body', () => {
      const verdict = handshake(upgradeRequest(), OPTIONS, () => ({ refuse: undefined }))
      expect(verdict).to.deep.equal(refusal('connect', 403))
    })

    it('C1.23: a refusal with a reason is 403 without an error handler', () => {
      const verdict = handshake(upgradeRequest(), OPTIONS, () => ({ refuse: 'slow down' }))
      expect(verdict).to.deep.equal({ ...refusal('connect', 403), appReason: 'slow down' })
    })

    it('C1.24: an error handler answers a refusal that has a reason, and no other', () => {
      const reasons: unknown[] = []
      const errorHandler = (reason: unknown) => {
        reasons.push(reason)
        return { status: 429, body: 'slow down' }
      }
      const options = { ...OPTIONS, errorHandler }
      const verdict = handshake(upgradeRequest(), options, () => ({ refuse: { rate: 3 } }))
      const appReason = { rate: 3 }
      expect(verdict).to.deep.equal({ ...refusal('connect', 429, 'slow down'), appReason })
      expect(handshake(upgradeRequest(), options, () => ({ refuse: undefined }))).to.deep.equal(
        refusal('connect', 403),
      )
      expect(reasons).to.deep.equal([{ rate: 3 }])
    })

    it('an app that is not there is 503, whatever an error handler would say', () => {
      const options = { ...OPTIONS, errorHandler: () => ({ status: 403, body: 'no' }) }
      const verdict = handshake(upgradeRequest(), options, () => ({ refuse: UNAVAILABLE }))
      expect(verdict).to.deep.equal(refusal('unavailable', 503))
    })

    it('C1.24: an error handler that throws is 500', () => {
      const error = new Error('handler')
      const errorHandler = () => {
        throw error
      }
      const options = { ...OPTIONS, errorHandler }
      const verdict = handshake(upgradeRequest(), options, () => ({ refuse: 'x' }))
      expect(verdict).to.include({ reason: 'crash', status: 500, error })
    })

    for (const outcome of [undefined, null, 'accept', 1, true, {}, [], { ok: 1 }]) {
      it(`C1.25: ${JSON.stringify(outcome)} is 403, with an error for the log`, () => {
        const verdict = handshake(upgradeRequest(), OPTIONS, () => broken(outcome))
        expect(verdict).to.include({ reason: 'misuse', status: 403, body: '' })
        expect(verdict).to.have.property('error').that.is.instanceOf(TypeError)
      })
    }

    it('C1.26: a throw is 500, with the error for the log and nothing of it in the body', () => {
      const error = new Error('secret')
      const verdict = handshake(upgradeRequest(), OPTIONS, () => {
        throw error
      })
      expect(verdict).to.deep.equal({
        ...refusal('crash', 500, '{"errors":{"detail":"Internal Server Error"}}'),
        contentType: 'application/json; charset=utf-8',
        error,
      })
    })

    it('C1.27: an asynchronous connect is waited for', async () => {
      const verdict = handshake(upgradeRequest(), OPTIONS, async () => EVERYBODY)
      expect(verdict).to.be.instanceOf(Promise)
      expect(await verdict).to.have.nested.property('session.id', 'user:1')
    })

    it('C1.27: an asynchronous refusal or throw is a verdict too', async () => {
      const error = new Error('late')
      const refuses = handshake(upgradeRequest(), OPTIONS, async () => ({ refuse: undefined }))
      const throws = handshake(upgradeRequest(), OPTIONS, () => Promise.reject(error))
      expect(await refuses).to.deep.equal(refusal('connect', 403))
      expect(await throws).to.include({ reason: 'crash', status: 500, error })
    })

    it('C1.28: a session without an id is accepted, and its id is null', () => {
      for (const session of [{ id: null }, { id: undefined }, {}]) {
        const verdict = handshake(upgradeRequest(), OPTIONS, () => broken({ accept: session }))
        expect(verdict).to.include({ kind: 'accept' }).and.have.nested.property('session.id', null)
      }
      const empty = handshake(upgradeRequest(), OPTIONS, () => accept({}, ''))
      expect(empty).to.have.nested.property('session.id', '')
    })

    for (const session of [undefined, null, 'plain', 1, true]) {
      it(`${JSON.stringify(session)} for a session is 403, with an error for the log`, async () => {
        const outcome = broken({ accept: session })
        for (const connect of [() => outcome, async () => outcome]) {
          const verdict = await handshake(upgradeRequest(), OPTIONS, connect)
          expect(verdict).to.include({ reason: 'misuse', status: 403, body: '' })
          expect(verdict).to.have.property('error').that.is.instanceOf(TypeError)
        }
      })
    }

    for (const id of [1, {}, ['user:1'], true]) {
      it(`C1.29: an id of ${JSON.stringify(id)} is 403, with an error for the log`, () => {
        const verdict = handshake(upgradeRequest(), OPTIONS, () => broken({ accept: { id } }))
        expect(verdict).to.include({ reason: 'misuse', status: 403, body: '' })
        expect(verdict).to.have.property('error').that.is.instanceOf(TypeError)
      })
    }
  })

  describe('after connect', () => {
    const plain = upgradeRequest({
      headers: [
        ['host', 'localhost'],
        ['connection', 'close'],
      ],
    })

    it('C1.4: a request that is no upgrade is 400, after connect accepted it', () => {
      const { connect, calls } = app(EVERYBODY)
      const body = `'connection' header must contain 'upgrade', got ["close"]`
      expect(handshake(plain, OPTIONS, connect)).to.deep.equal(refusal('headers', 400, body))
      expect(calls).to.have.length(1)
    })

    it('C1.4: connect decides before the upgrade headers do', () => {
      const verdict = handshake(plain, OPTIONS, () => ({ refuse: undefined }))
      expect(verdict).to.deep.equal(refusal('connect', 403))
    })
  })
})
