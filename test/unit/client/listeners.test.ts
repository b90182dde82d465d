import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { Listeners } from '../../../client/agent/listeners.ts'

interface Events {
  readonly said: string
  readonly toString: number
}

describe('the listeners of a session', () => {
  let listeners: Listeners<Events>
  let heard: string[]
  const hear = (text: string) => {
    heard.push(text)
  }

  beforeEach(() => {
    listeners = new Listeners()
    heard = []
  })

  it('are told what was held, in order, as soon as it flows', () => {
    listeners.emit('said', 'a')
    listeners.emit('said', 'b')
    listeners.on('said', hear)
    expect(heard).to.deep.equal([])
    listeners.flow()
    listeners.emit('said', 'c')
    expect(heard).to.deep.equal(['a', 'b', 'c'])
  })

  it('are added and taken away one by one, even where they are the same function', () => {
    listeners.flow()
    const first = listeners.on('said', hear)
    listeners.on('said', hear)
    first()
    first()
    listeners.emit('said', 'a')
    expect(heard).to.deep.equal(['a'])
  })

  it('are not told any more once they were taken away, even while others are told', () => {
    listeners.flow()
    listeners.on('said', () => second())
    const second = listeners.on('said', hear)
    listeners.emit('said', 'a')
    expect(heard).to.deep.equal([])
  })

  it('may be none, under any name', () => {
    listeners.flow()
    listeners.emit('toString', 1)
  })

  describe('of which one throws', () => {
    const mochas = process.listeners('uncaughtException')
    afterEach(() => {
      process.removeAllListeners('uncaughtException')
      for (const listener of mochas) process.on('uncaughtException', listener)
    })

    it('are all told, and the error comes up by itself', async () => {
      listeners.flow()
      const error = new Error('by a listener')
      listeners.on('said', () => {
        throw error
      })
      listeners.on('said', hear)
      process.removeAllListeners('uncaughtException')
      const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve))
      listeners.emit('said', 'a')
      expect(heard).to.deep.equal(['a'])
      expect(await uncaught).to.equal(error)
    })
  })
})
