import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import {
  compileOriginCheck,
  type Origin,
  type OriginOption,
  parseOrigin,
} from '../../../server/transport/origin.ts'

const HOSTS = ['localhost', '127.0.0.1', '[::1]']
const REQUEST = { scheme: 'http', host: 'localhost:4000' }

/** The checklist's cases as a table: what each form lets through, and what not. */
function judges(
  title: string,
  option: OriginOption,
  cases: { accepts?: readonly string[]; refuses?: readonly string[] },
  request = REQUEST,
): void {
  const check = compileOriginCheck(option, HOSTS)
  for (const origin of cases.accepts ?? []) {
    it(`${title}: accepts ${origin || 'an empty origin'}`, () => {
      expect(check(origin, request)).to.equal(true)
    })
  }
  for (const origin of cases.refuses ?? []) {
    it(`${title}: refuses ${origin || 'an empty origin'}`, () => {
      expect(check(origin, request)).to.equal(false)
    })
  }
}

const FORMS: readonly OriginOption[] = [true, false, 'conn', ['//a.com'], [], () => false]

describe('compileOriginCheck', () => {
  it('C1.40: a request without an Origin header passes every form', () => {
    for (const form of FORMS) {
      expect(compileOriginCheck(form, HOSTS)(undefined, REQUEST)).to.equal(true)
    }
  })

  judges('C1.41, C1.42: true', true, {
    accepts: ['http://localhost', 'https://localhost:9', 'foo://127.0.0.1', 'http://[::1]:4000'],
    refuses: ['http://evil.example', 'http://localhost.evil.example', 'http://[::2]', 'http://::1'],
  })
  judges('C1.43: a scheme implies its port', ['https://a.com'], {
    accepts: ['https://a.com', 'https://a.com:443', 'HTTPS://a.com', 'https://a.com/'],
    refuses: ['http://a.com', 'https://a.com:444', '//a.com', 'http://a.com:443'],
  })
  judges('C1.44: a port of its own', ['//b.com:81'], {
    accepts: ['http://b.com:81', 'https://b.com:81', 'odd://b.com:81'],
    refuses: ['https://b.com', 'odd://b.com', 'http://b.com:80'],
  })
  judges('C1.45: any scheme and port', ['//d.com'], {
    accepts: ['http://d.com', 'https://d.com:1', 'odd+scheme://d.com:99999'],
    refuses: ['http://e.com'],
  })
  judges('C1.46: a wildcard', ['//*.c.com'], {
    accepts: ['http://c.com', 'http://x.c.com', 'https://y.x.c.com:8443'],
    refuses: ['http://xc.com', 'http://c.com.evil.example', 'http://*.c.org', 'http://C.com'],
  })
  judges('C1.46: a wildcard with scheme and port', ['https://*.c.com:8443'], {
    accepts: ['https://x.c.com:8443'],
    refuses: ['https://x.c.com', 'http://x.c.com:8443'],
  })
  judges('C1.47: no wildcard', ['//d.com'], { refuses: ['http://x.d.com'] })
  judges('any entry of a list', ['//a.com', '//b.com:81'], {
    accepts: ['http://a.com', 'http://b.com:81'],
    refuses: ['http://b.com'],
  })
  judges('an empty list', [], { refuses: ['http://localhost'] })

  const hostless = ['null', 'file://', 'file:///x', '', 'http://', 'http://:80', 'data:,x']
  judges('C1.48: true', true, { refuses: hostless })
  judges('C1.48: a list', ['//a.com'], { refuses: hostless })
  judges('C1.48: conn', 'conn', { refuses: hostless }, { scheme: 'http', host: '' })
  judges('C1.48: false', false, { accepts: hostless })

  judges('C1.49: conn', 'conn', {
    accepts: ['http://localhost:4000'],
    refuses: ['https://localhost:4000', 'http://localhost', 'http://x:4000', 'ws://localhost:4000'],
  })
  judges(
    'C1.49: conn on a default port',
    'conn',
    {
      accepts: ['https://a.com', 'https://a.com:443'],
      refuses: ['http://a.com', 'http://a.com:443'],
    },
    { scheme: 'https', host: 'a.com' },
  )

  it('C1.50: a function gets the parsed origin and decides, also without a host', () => {
    const seen: Origin[] = []
    const check = compileOriginCheck((origin) => {
      seen.push(origin)
      return origin.host !== 'no.example'
    }, HOSTS)
    const texts = ['https://a.com:8443', 'https://no.example', 'null', 'file://']
    expect(texts.map((text) => check(text, REQUEST))).to.deep.equal([true, false, true, true])
    expect(seen).to.deep.equal([
      { scheme: 'https', host: 'a.com', port: 8_443 },
      { scheme: 'https', host: 'no.example', port: 443 },
      { scheme: null, host: null, port: null },
      { scheme: 'file', host: '', port: null },
    ])
  })

  it('C1.50: anything but true from a function refuses, a promise too', () => {
    const late = (async () => false) as unknown as (origin: Origin) => boolean
    expect(compileOriginCheck(late, HOSTS)('http://a.com', REQUEST)).to.equal(false)
  })

  it('C1.51: two checks do not share policy', () => {
    const [a, b] = [compileOriginCheck(['//a.com'], HOSTS), compileOriginCheck(['//b.com'], HOSTS)]
    expect(a('http://a.com', REQUEST)).to.equal(true)
    expect(b('http://a.com', REQUEST)).to.equal(false)
    expect(b('http://b.com', REQUEST)).to.equal(true)
  })

  judges('C1.53: case counts', ['https://a.com'], { refuses: ['https://A.com'] })
  judges('C1.53: case counts for true', true, { refuses: ['http://Localhost'] })

  for (const entry of [
    'a.com',
    '*',
    '//*',
    '//',
    'https://',
    '',
    'null',
    '//a.*.com',
    '//u@a.com',
  ]) {
    it(`C1.54: the list entry ${JSON.stringify(entry)} is a configuration error`, () => {
      expect(() => compileOriginCheck(['//fine.com', entry], HOSTS)).to.throw(
        TypeError,
        JSON.stringify(entry),
      )
    })
  }

  it('never throws, whatever the origin and the Host header', () => {
    const part = fc.constantFrom('http', '://', '//', '[', ']', '::1', 'a.com', '@', ':', '99', '*')
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    )
    const checks = FORMS.map((form) => compileOriginCheck(form, HOSTS))
    fc.assert(
      fc.property(text, text, (origin, host) => {
        for (const check of checks)
          expect(check(origin, { scheme: 'http', host })).to.be.a('boolean')
      }),
      { numRuns: 500 },
    )
  })
})

describe('parseOrigin', () => {
  const NOTHING = { scheme: null, host: null, port: null }

  for (const text of ['http://u:p@a.com', 'http://a.com\\@b.com', 'http://a.com b', 'http://a,b']) {
    it(`takes ${text} for no origin`, () => {
      expect(parseOrigin(text)).to.deep.equal(NOTHING)
    })
  }

  it('looks at no more than 1,024 characters', () => {
    const long = (length: number) => `http://${'a'.repeat(length - 'http://'.length)}`
    expect(parseOrigin(long(1_024)).host).to.have.length(1_017)
    expect(parseOrigin(long(1_025))).to.deep.equal(NOTHING)
  })

  it('reads what a WHATWG URL has as its origin', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['http', 'https'] }), (url) => {
        const { origin, hostname, protocol } = new URL(url)
        const parsed = parseOrigin(origin)
        expect(parsed.host).to.equal(hostname)
        expect(`${parsed.scheme}:`).to.equal(protocol)
      }),
    )
  })
})
