import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import { Shares } from '../../../server/limits/shares.ts'
import type { BodySource } from '../../../server/transport/http-body.ts'
import { PostBody, type Received } from '../../../server/transport/longpoll-post.ts'

const LIMIT = 100

describe('long-poll: the body of a POST', () => {
  let shares: Shares
  beforeEach(() => {
    shares = new Shares(LIMIT)
  })

  /** A body, its parts by their sizes as they come, and what became of it. */
  function coming() {
    let arrive: Parameters<BodySource['onData']>[0] = () => undefined
    let isCut = false
    const source = {
      onData: (handler: typeof arrive) => {
        arrive = handler
      },
      close() {
        isCut = true
      },
    } as unknown as BodySource
    const body = new PostBody(source, LIMIT, shares)
    const received: (number | string)[] = []
    const sizeOf = (each: Received) => (typeof each === 'string' ? each : each.byteLength)
    return {
      part: (bytes: number, isLast = false) => arrive(new ArrayBuffer(bytes), isLast),
      claim: (token: string) => body.claim(token, (each) => received.push(sizeOf(each))),
      release: () => body.release(),
      received,
      isCut: () => isCut,
    }
  }

  it('is received once it is claimed and whole, whichever comes first', () => {
    const [early, late] = [coming(), coming()]
    early.claim('a')
    early.part(30)
    early.part(0, true)
    late.part(30)
    late.part(20, true)
    expect(late.received).to.deep.equal([])
    late.claim('b')
    expect([early.received, late.received]).to.deep.equal([[30], [50]])
  })

  it('is kept until it is released, once', () => {
    const body = coming()
    body.claim('a')
    body.part(100, true)
    expect(shares.take('a', 1)).to.equal(false)
    body.release()
    body.release()
    expect(shares.size).to.equal(0)
    expect(shares.take('a', 100)).to.equal(true)
  })

  it('of nobody yet has room beside all others of nobody; once it is claimed, of its session', () => {
    const [one, two, three] = [coming(), coming(), coming()]
    one.part(60)
    two.part(60)
    one.claim('a')
    three.part(60, true)
    two.claim('b')
    three.claim('a')
    one.part(40, true)
    for (const each of [one, two, three]) each.release()
    expect([one.received, two.received, three.received]).to.deep.equal([
      [100],
      ['no_room'],
      ['no_room'],
    ])
    expect(shares.size).to.equal(0)
  })

  it('is too large by itself, and cut when it goes on', () => {
    const body = coming()
    body.claim('a')
    body.part(60)
    body.part(60, true)
    expect(body.received).to.deep.equal(['too_large'])
    const endless = coming()
    endless.part(101)
    expect(endless.isCut()).to.equal(false)
    endless.part(700)
    expect(endless.isCut()).to.equal(true)
  })

  it('that is released keeps nothing of what still comes, and nobody hears of it', () => {
    const body = coming()
    body.claim('a')
    body.part(60)
    body.release()
    body.part(30)
    body.part(10, true)
    expect(body.received).to.deep.equal([])
    expect(shares.size).to.equal(0)
  })
})
