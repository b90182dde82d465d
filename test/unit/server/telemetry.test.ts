import { once } from 'node:events'
import { expect } from 'chai'
import { describe, it } from 'mocha'
import { Signal } from '../../../server/telemetry.ts'

const THROWN: readonly (readonly [what: string, thrown: unknown, told: string])[] = [
  ['an Error', new Error('no room'), 'no room'],
  [
    'an Error whose message is no text',
    Object.assign(new Error(), { message: Symbol() }),
    'object',
  ],
  ['nothing', undefined, 'undefined'],
]

describe('a telemetry signal', () => {
  for (const [what, thrown, told] of THROWN) {
    it(`goes on, and warns, when a listener throws ${what} (C8.10)`, async () => {
      const signal = new Signal<number>()
      const heard: number[] = []
      signal.subscribe(() => {
        throw thrown
      })
      signal.subscribe((value) => heard.push(value))
      const warned = once(process, 'warning')
      signal.publish(7)
      expect(heard).to.deep.equal([7])
      const [warning] = await warned
      expect(warning.message).to.equal(`a telemetry listener threw: ${told}`)
    })
  }

  it('is active while somebody listens', () => {
    const signal = new Signal<number>()
    expect(signal.active).to.equal(false)
    const leave = signal.subscribe(() => {})
    expect(signal.active).to.equal(true)
    leave()
    expect(signal.active).to.equal(false)
  })
})
