import { expect } from 'chai'
import { describe, it } from 'mocha'
import { connectInfo, validateConnectInfoKeys } from '../../../server/transport/connect-info.ts'
import { upgradeRequest, withHeaders } from './upgrade-request.ts'

const NOTHING_OFFERED = { offered: '' }

describe('connectInfo', () => {
  const request = withHeaders(
    ['x-custom', 'yes'],
    ['cookie', 'secret'],
    ['xylophone', 'no'],
    ['x-forwarded-for', '10.0.0.1'],
    ['tracestate', 'a=1'],
    ['x-custom', 'again'],
    ['traceparent', '00-0af7-b7ad-01'],
    ['tracing', 'no'],
    ['user-agent', 'rec'],
  )

  it('C1.31: holds only what is listed', () => {
    expect(connectInfo([], request, NOTHING_OFFERED)).to.deep.equal({})
    expect(connectInfo(['user_agent'], request, NOTHING_OFFERED)).to.have.all.keys('user_agent')
  })

  it('C1.32: x_headers are the headers that begin with x-, in order', () => {
    const { x_headers } = connectInfo(['x_headers'], request, NOTHING_OFFERED)
    expect(x_headers).to.deep.equal([
      ['x-custom', 'yes'],
      ['x-forwarded-for', '10.0.0.1'],
      ['x-custom', 'again'],
    ])
  })

  it('C1.33: trace_context_headers are traceparent and tracestate', () => {
    const info = connectInfo(['trace_context_headers'], request, NOTHING_OFFERED)
    expect(info.trace_context_headers).to.deep.equal([
      ['tracestate', 'a=1'],
      ['traceparent', '00-0af7-b7ad-01'],
    ])
  })

  it('C1.34: peer_data is the client’s address and port', () => {
    const { peer_data } = connectInfo(['peer_data'], request, NOTHING_OFFERED)
    expect(peer_data).to.deep.equal({ address: '127.0.0.1', port: 50_123 })
  })

  it('C1.35: uri has scheme, host, port, path and the raw query', () => {
    const query = 'vsn=2.0.0&a[b]=%C3%A9+x'
    const { uri } = connectInfo(['uri'], upgradeRequest({ query }), NOTHING_OFFERED)
    const expected = { scheme: 'http', host: 'localhost', port: 4_000, path: '/socket/websocket' }
    expect(uri).to.deep.equal({ ...expected, query })
  })

  it('C1.35: uri has the scheme’s port where the Host header names none', () => {
    const secure = upgradeRequest({ scheme: 'https', headers: [['host', 'a.com']] })
    const { uri } = connectInfo(['uri'], secure, NOTHING_OFFERED)
    expect(uri).to.include({ scheme: 'https', host: 'a.com', port: 443 })
  })

  it('C1.35: uri has no host where the request has none', () => {
    const { uri } = connectInfo(['uri'], upgradeRequest({ headers: [] }), NOTHING_OFFERED)
    expect(uri).to.include({ host: null })
  })

  it('C1.36: user_agent is null without the header', () => {
    const keys = ['user_agent'] as const
    expect(connectInfo(keys, request, NOTHING_OFFERED).user_agent).to.equal('rec')
    expect(connectInfo(keys, upgradeRequest(), NOTHING_OFFERED).user_agent).to.equal(null)
  })

  it('C1.37: sec_websocket_headers are those headers, without the auth token', () => {
    const sent = withHeaders(['sec-websocket-protocol', 'phoenix, base64url.bearer.phx.dG9r'])
    const others = [
      ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ['sec-websocket-version', '13'],
    ]
    const read = (offered: string) =>
      connectInfo(['sec_websocket_headers'], sent, { offered }).sec_websocket_headers
    expect(read('phoenix')).to.deep.equal([...others, ['sec-websocket-protocol', 'phoenix']])
    expect(read('')).to.deep.equal(others)
  })

  it('C1.38: custom pairs are passed through as they are', () => {
    const limits = { max: 3 }
    const info = connectInfo(['user_agent', { limits, region: 'eu' }], request, NOTHING_OFFERED)
    expect(info).to.deep.equal({ user_agent: 'rec', limits, region: 'eu' })
  })

  it('C1.59, C1.61: auth_token is there where the mount takes tokens, null without one', () => {
    expect(connectInfo([], request, { offered: '', authToken: 't' })).to.deep.equal({
      auth_token: 't',
    })
    expect(connectInfo([], request, { offered: '', authToken: null })).to.deep.equal({
      auth_token: null,
    })
  })
})

describe('validateConnectInfoKeys', () => {
  it('takes every known key, and pairs', () => {
    const known = ['peer_data', 'trace_context_headers', 'x_headers', 'sec_websocket_headers']
    validateConnectInfoKeys([...known, 'uri', 'user_agent', { any: 'thing' }])
  })

  for (const key of ['cookies', 'constructor', '', 1, null, ['uri'], undefined]) {
    it(`C1.39: ${JSON.stringify(key)} is a configuration error`, () => {
      expect(() => validateConnectInfoKeys(['uri', key])).to.throw(TypeError, 'connect_info')
    })
  }
})
