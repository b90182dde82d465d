import { expect } from 'chai'
import { describe, it } from 'mocha'
import type { Config } from '../../../server/config.ts'
import { createLogger, errorLog, logTelemetry } from '../../../server/logger.ts'
import { createTelemetry } from '../../../server/telemetry.ts'

type Line = Readonly<Record<string, unknown>>

/** The error of a line. */
const errOf = (line: Line | undefined): Line => (line?.['err'] ?? {}) as Line

/** A logger, what it wrote, and telemetry that it listens to, with a clock that stands still. */
function setUp(level: Config['logLevel'] = 'info') {
  const texts: string[] = []
  const destination = { write: (text: string) => texts.push(text) }
  const logger = createLogger({ level, nodeName: 'node-1', destination })
  const telemetry = createTelemetry()
  const clock = { now: 0 }
  const end = logTelemetry(telemetry, logger, () => clock.now)
  return {
    logger,
    telemetry,
    clock,
    end,
    texts,
    /** Lines without what all of them have. */
    get lines(): Line[] {
      return texts.map((text) => {
        const { time, node, ...line } = JSON.parse(text) as Line
        return line
      })
    },
  }
}

const joined = { topic: 'room:1', result: 'ok', params: {}, durationMs: 1 } as const
const handled = { topic: 'room:1', event: 'e', ref: '1', payload: {}, durationMs: 1 } as const

describe('createLogger', () => {
  it('writes JSON lines with level, time and node', () => {
    const { logger, texts } = setUp()
    logger.info({ a: 1 }, 'hello')
    expect(texts[0]).to.match(/^\{.*\}\n$/)
    const line = JSON.parse(texts[0] ?? '') as Line
    expect(line).to.include({ level: 'info', node: 'node-1', a: 1, msg: 'hello' })
    expect(line['time']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('writes nothing below its level', () => {
    const { logger, texts } = setUp('warn')
    logger.info('a')
    logger.warn('b')
    expect(texts).to.have.length(1)
  })

  it('writes an error with its stack and its cause, without secrets', () => {
    const { lines } = withError(
      new TypeError('GET /?token=hunter2&a=1', { cause: new Error('password=hunter2') }),
    )
    const err = errOf(lines[0])
    expect(err).to.include({ type: 'TypeError', message: 'GET /?token=[FILTERED]&a=1' })
    expect(err['stack']).to.match(/^TypeError: GET .*\n +at /)
    expect(err['cause']).to.include({ type: 'Error', message: 'password=[FILTERED]' })
    expect(JSON.stringify(lines)).not.to.contain('hunter2')
  })

  it('writes whatever else was thrown', () => {
    const { lines } = withError({ token: 'hunter2', a: 1n })
    expect(errOf(lines[0])).to.deep.equal({ message: { token: '[FILTERED]', a: '1' } })
  })

  it('writes an error whose parts are no texts, without secrets', () => {
    const parts = { name: undefined, message: { token: 'hunter2', n: 1n }, stack: ['a'] }
    const { lines } = withError(Object.assign(new Error(), parts, { cause: null }))
    expect(errOf(lines[0])).to.deep.equal({
      message: { token: '[FILTERED]', n: '1' },
      stack: ['a'],
      cause: { message: null },
    })
  })

  it('writes that it cannot read what was thrown', () => {
    const sealed = Proxy.revocable(new Error('a'), {})
    sealed.revoke()
    const throwing = {
      get() {
        throw new Error('no')
      },
    }
    for (const thrown of [sealed.proxy, Object.defineProperty(new Error(), 'message', throwing)]) {
      const { lines } = withError(new Error('around it', { cause: thrown }))
      expect(errOf(lines[0])).to.include({ message: 'around it' })
      const unread = { message: 'what was thrown cannot be read' }
      expect(errOf(lines[0])['cause']).to.deep.equal(unread)
      expect(errOf(withError(thrown).lines[0])).to.deep.equal(unread)
    }
  })

  it('ends a chain of causes that does not end', () => {
    const error = new Error('a')
    error.cause = error
    expect(withError(error).texts).to.have.length(1)
  })
})

function withError(error: unknown) {
  const set = setUp()
  set.logger.error({ err: error }, 'failed')
  return set
}

describe('errorLog', () => {
  class Away extends Error {}

  it('writes so many of each class a second, and then how many it left out', () => {
    const set = setUp()
    const log = errorLog(set.logger, () => set.clock.now)
    for (let count = 0; count < 5_000; count += 1) {
      const error = new Away(`request ${count}`)
      error.name = `Away${count}`
      log(error)
    }
    log(new TypeError('another'))
    log('text')
    expect(set.lines.map((line) => errOf(line)['message'])).to.deep.equal([
      ...Array.from({ length: 10 }, (_, count) => `request ${count}`),
      'another',
      'text',
    ])
    set.clock.now += 1_000
    log(new Away('later'))
    expect(set.lines.at(-1)).to.deep.include({
      level: 'error',
      leftOut: 4_990,
      msg: 'failed in the background',
    })
  })

  it('is thrown at by no error', () => {
    const set = setUp('fatal')
    const log = errorLog(set.logger)
    const throwing = () => {
      throw new Error('not for you')
    }
    log(new Proxy(new Error('a'), { get: throwing, getPrototypeOf: throwing }))
    log(Object.create(null))
    log(Object.assign(new Error('a'), { constructor: undefined }))
    log(undefined)
  })
})

describe('logTelemetry', () => {
  it('writes connects, accepted and refused', () => {
    const set = setUp()
    const base = { transport: 'websocket', params: { token: 't', a: '1' }, durationMs: 1.23456 }
    set.telemetry.connected.publish({ ...base, vsn: '2.0.0', result: 'ok' })
    set.telemetry.connected.publish({ ...base, vsn: '', result: 'error' })
    set.telemetry.refused.publish({ transport: 'websocket', reason: 'origin' })
    const common = {
      level: 'info',
      transport: 'websocket',
      params: { token: '[FILTERED]', a: '1' },
      durationMs: 1.235,
    }
    expect(set.lines).to.deep.equal([
      { ...common, vsn: '2.0.0', msg: 'connected' },
      { ...common, msg: 'connect refused by the app' },
      { level: 'info', transport: 'websocket', reason: 'origin', msg: 'connect refused' },
    ])
  })

  it('writes joins, accepted and refused', () => {
    const set = setUp()
    set.telemetry.joined.publish({ ...joined, params: { password: 'p' } })
    set.telemetry.joined.publish({ ...joined, result: 'error' })
    const common = { level: 'info', topic: 'room:1', durationMs: 1 }
    expect(set.lines).to.deep.equal([
      { ...common, params: { password: '[FILTERED]' }, msg: 'joined' },
      { ...common, params: {}, msg: 'join refused' },
    ])
  })

  it('writes handled messages at debug', () => {
    const set = setUp('debug')
    set.telemetry.handled.publish({ ...handled, payload: { token: 't' } })
    expect(set.lines).to.deep.equal([
      {
        level: 'debug',
        topic: 'room:1',
        event: 'e',
        ref: '1',
        params: { token: '[FILTERED]' },
        durationMs: 1,
        msg: 'handled',
      },
    ])
  })

  it('does not even listen to handled messages above debug', () => {
    expect(setUp('info').telemetry.handled.active).to.equal(false)
  })

  it('C8.9: leaves out topics that start with phoenix', () => {
    const set = setUp('debug')
    set.telemetry.joined.publish({ ...joined, topic: 'phoenix:live_reload' })
    set.telemetry.handled.publish({ ...handled, topic: 'phoenix' })
    expect(set.lines).to.deep.equal([])
  })

  it('writes crashes with their stack', () => {
    const set = setUp('error')
    set.telemetry.crashed.publish({ topic: 'room:1', error: new Error('boom') })
    set.telemetry.crashed.publish({ topic: undefined, error: 'text' })
    const [first, second] = set.lines
    expect(first).to.include({ level: 'error', topic: 'room:1', msg: 'crashed' })
    expect(errOf(first)['stack']).to.match(/^Error: boom\n/)
    expect(second).to.deep.equal({ level: 'error', err: { message: 'text' }, msg: 'crashed' })
  })

  it('writes warnings, drops and drains', () => {
    const set = setUp()
    set.telemetry.warned.publish({ message: 'odd', topic: 'token=1' })
    set.telemetry.warned.publish({ message: 'odder' })
    set.telemetry.dropped.publish({ reason: 'slow_consumer', count: 2 })
    const round = { count: 1, total: 1, index: 1, rounds: 1 }
    set.telemetry.drained.publish(round)
    expect(set.lines).to.deep.equal([
      { level: 'warn', topic: '[FILTERED]', msg: 'odd' },
      { level: 'warn', msg: 'odder' },
      { level: 'warn', reason: 'slow_consumer', count: 2, msg: 'dropped' },
      { level: 'info', ...round, msg: 'draining' },
    ])
  })

  it('is not flooded: ten lines a second of each kind of noise, then a count', () => {
    const set = setUp()
    const flood = () => set.telemetry.dropped.publish({ reason: 'undecodable_frame', count: 1 })
    for (let index = 0; index < 1_000; index += 1) flood()
    set.telemetry.dropped.publish({ reason: 'mailbox_full', count: 1 })
    expect(set.lines).to.have.length(11)
    set.clock.now = 1_000
    flood()
    expect(set.lines.at(-1)).to.include({ reason: 'undecodable_frame', leftOut: 990 })
  })

  it('is not flooded by joins and crashes either', () => {
    const set = setUp()
    for (let index = 0; index < 1_000; index += 1) {
      set.telemetry.joined.publish(joined)
      set.telemetry.crashed.publish({ topic: 'room:1', error: new Error('boom') })
    }
    expect(set.lines).to.have.length(110)
  })

  it('writes nothing once it is ended', () => {
    const set = setUp('trace')
    set.end()
    set.telemetry.joined.publish(joined)
    set.telemetry.handled.publish(handled)
    set.telemetry.drained.publish({ count: 1, total: 1, index: 1, rounds: 1 })
    expect(set.lines).to.deep.equal([])
  })
})
