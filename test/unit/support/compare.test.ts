import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { differences, unlike } from '../../conformance/compare.ts'
import type { FrameBody, HttpRecord, Observed, Transcript } from '../../conformance/scenario.ts'
import { readTranscripts } from '../../conformance/transcripts.ts'

const transcripts = readTranscripts()

describe('differences', () => {
  it('finds none between any transcript and itself', () => {
    for (const { name, observed, unordered } of transcripts) {
      expect(differences(observed, structuredClone(observed), unordered), name).to.deep.equal([])
    }
  })

  it('finds any frame of any transcript that is missing, double or another', () => {
    const withFrames = transcripts.flatMap(({ observed, unordered = false }) =>
      Object.entries(observed.connections)
        .filter(([, { frames }]) => frames.length > 0)
        .map(([connection, { frames }]) => ({ observed, unordered, connection, frames })),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...withFrames),
        fc.nat(),
        fc.constantFrom('missing', 'double', 'another'),
        ({ observed, unordered, connection, frames }, at, what) => {
          const index = at % frames.length
          const changed = frames.flatMap((frame, each) => {
            if (each !== index) return [frame]
            if (what === 'double') return [frame, frame]
            return what === 'missing' ? [] : [{ afterStep: frame.afterStep, text: '"another"' }]
          })
          const record = { ...structuredClone(observed.connections[connection]), frames: changed }
          const got = {
            ...observed,
            connections: { ...observed.connections, [connection]: record },
          }
          expect(differences(observed, got as Observed, unordered)).to.not.deep.equal([])
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('takes JSON by value, whatever the order of its keys', () => {
    expect(differences(frames('{"a":1.0,"b":[2]}'), frames('{"b":[2],"a":1}'))).to.deep.equal([])
    expect(differences(frames('{"a":[1,2]}'), frames('{"a":[2,1]}'))).to.have.length(1)
    expect(differences(frames('{"a":-0}'), frames('{"a":0}'))).to.have.length(1)
    expect(differences(frames('{"a":null}'), frames('{}'))).to.have.length(1)
  })

  it('takes text that is no JSON as it is', () => {
    expect(differences(frames('[1,'), frames('[1,'))).to.deep.equal([])
    expect(differences(frames('[1,'), frames('[1, '))).to.have.length(1)
  })

  it('tells text from bytes, pings and pongs', () => {
    const kinds: FrameBody[] = [{ text: 'eA==' }, { binary: 'eA==' }, { ping: 'x' }, { pong: 'x' }]
    for (const [a, want] of kinds.entries()) {
      for (const [b, got] of kinds.entries()) {
        expect(differences(framed(want), framed(got))).to.have.length(a === b ? 0 : 1)
      }
    }
  })

  it('counts the frames of one connection in any order only where told', () => {
    const [want, swapped] = [frames('1', '2', '2'), frames('2', '1', '2')]
    expect(differences(want, swapped, true)).to.deep.equal([])
    expect(differences(want, swapped, false)).to.have.length(2)
    expect(differences(want, frames('1', '1', '2'), true)).to.have.length(1)
    expect(differences(want, frames('1', '2', '2', '2'), true)).to.have.length(1)
  })

  it('finds connections that are missing or that nobody expected', () => {
    const none: Observed = { connections: {} }
    expect(differences(frames('1'), none)).to.deep.equal(['connection a: missing'])
    expect(differences(none, frames('1'))).to.deep.equal(['connection a: unexpected'])
  })

  it('compares how a connection was opened and how it ended', () => {
    const open = connection({ open: { status: 101, headers: { server: 'x' } } })
    const refused = connection({ open: { status: 403, body: 'no' } })
    const closed = connection({ close: { afterStep: 1, code: 1011, reason: '' } })
    expect(differences(open, connection({ open: { status: 101 } }))).to.deep.equal([])
    expect(differences(open, refused)).to.have.length(1)
    expect(differences(refused, connection({ open: { status: 403, body: '' } }))).to.have.length(1)
    expect(differences(open, connection({ open: { error: 'ECONNRESET' } }))).to.have.length(1)
    expect(differences(open, closed)).to.have.length(1)
    const otherwise = connection({ close: { afterStep: 3, code: 1011, reason: '' } })
    expect(differences(closed, otherwise)).to.deep.equal([])
    const reason = connection({ close: { afterStep: 1, code: 1011, reason: 'why' } })
    expect(differences(closed, reason)).to.have.length(1)
  })

  it('compares status, body, duration and the protocol headers of HTTP answers', () => {
    const want = http({ headers: { 'content-type': 'text/plain', server: 'Cowboy' } })
    expect(differences(want, http({ headers: { 'content-type': 'text/plain' } }))).to.deep.equal([])
    expect(differences(want, http({}))).to.have.length(1)
    for (const changed of [{ status: 404 }, { body: '{"status":410}' }, { tookS: 2 }]) {
      expect(differences(http({}), http(changed)), JSON.stringify(changed)).to.have.length(1)
    }
    expect(differences(http({}), { connections: {} })).to.deep.equal(['http 0: missing'])
    expect(differences({ connections: {} }, http({}))).to.deep.equal(['http 0: unexpected'])
  })

  it('compares the messages of a poll by value too, in any order only where told', () => {
    const poll = (...messages: string[]) =>
      http({ body: JSON.stringify({ status: 200, messages }) })
    const want = poll('{"a":1,"b":2}', '3')
    expect(differences(want, poll('{"b":2,"a":1}', '3'))).to.deep.equal([])
    expect(differences(want, poll('3', '{"b":2,"a":1}'))).to.have.length(1)
    expect(differences(want, poll('3', '{"b":2,"a":1}'), true)).to.deep.equal([])
    expect(differences(want, poll('3', '3'), true)).to.have.length(1)
  })

  it('shows of long texts the place where they part', () => {
    const long = 'x'.repeat(10_000)
    const [found = ''] = differences(frames(`"${long}A${long}"`), frames(`"${long}B${long}"`))
    expect(found.length).to.be.below(700)
    expect(found).to.match(/want …x+Ax+… .*\n.*got {2}…x+Bx+…/)
  })
})

describe('unlike', () => {
  const scenario = { name: 'n', about: 'a', vsn: null, connectParams: {}, steps: [] }

  it('accepts any of the variants, and compares with the first observation otherwise', () => {
    const variants = [{ observed: frames('1') }, { observed: frames('2') }]
    const transcript: Transcript = { ...scenario, observed: frames('1'), variants }
    expect(unlike(transcript, frames('2'))).to.deep.equal([])
    expect(unlike(transcript, frames('3'))).to.deep.equal(differences(frames('1'), frames('3')))
  })

  it('knows from the transcript whether order counts', () => {
    const transcript: Transcript = { ...scenario, observed: frames('1', '2') }
    expect(unlike(transcript, frames('2', '1'))).to.not.deep.equal([])
    expect(unlike({ ...transcript, unordered: true }, frames('2', '1'))).to.deep.equal([])
  })
})

function connection(part: Partial<Observed['connections'][string]>): Observed {
  return { connections: { a: { open: { status: 101 }, frames: [], close: null, ...part } } }
}

function framed(...bodies: readonly FrameBody[]): Observed {
  return connection({ frames: bodies.map((body, afterStep) => ({ afterStep, ...body })) })
}

function frames(...texts: readonly string[]): Observed {
  return framed(...texts.map((text) => ({ text })))
}

function http(part: Partial<HttpRecord>): Observed {
  const record = { step: 0, status: 200, headers: {}, body: '{"status":200}', tookS: 0, ...part }
  return { connections: {}, http: [record] }
}
