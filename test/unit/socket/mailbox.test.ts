import { expect } from 'chai'
import fc from 'fast-check'
import { describe, it } from 'mocha'
import { Mailbox } from '../../../server/socket/mailbox.ts'

const NO_LIMIT = { items: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

/** A mailbox that is open, records what runs, and takes its time where it is told a promise. */
function recording(limit = NO_LIMIT) {
  const ran: unknown[] = []
  const durations = new Map<unknown, Promise<void>>()
  const mailbox = new Mailbox<unknown>(limit, {
    run: (item) => {
      ran.push(item)
      return durations.get(item)
    },
  })
  return { mailbox, ran, durations }
}

/** What runs until it is told to end. */
function task() {
  let end = (): void => undefined
  const promise = new Promise<void>((resolve) => {
    end = resolve
  })
  const ended = async () => {
    end()
    // Its end is noticed in a later microtask; all of them run before the next macrotask.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { promise, ended }
}

describe('a mailbox', () => {
  it('begins paused: what is put waits until it is opened', () => {
    const { mailbox, ran } = recording()
    for (const item of [1, 2]) expect(mailbox.put(item, 0)).to.equal(true)
    expect(ran).to.deep.equal([])
    expect(mailbox.busy).to.equal(true)
    mailbox.open()
    expect(ran).to.deep.equal([1, 2])
    expect(mailbox.busy).to.equal(false)
  })

  it('runs an item at once where nothing runs', () => {
    const { mailbox, ran } = recording()
    mailbox.open()
    mailbox.put(1, 0)
    expect(ran).to.deep.equal([1])
    expect(mailbox.busy).to.equal(false)
  })

  it('runs one item at a time, in order', async () => {
    const { mailbox, ran, durations } = recording()
    const [first, second] = [task(), task()]
    durations.set(1, first.promise)
    durations.set(2, second.promise)
    mailbox.open()
    for (const item of [1, 2, 3, 4]) mailbox.put(item, 0)
    expect(ran).to.deep.equal([1])
    await second.ended()
    expect(ran).to.deep.equal([1])
    await first.ended()
    expect(ran).to.deep.equal([1, 2, 3, 4])
    expect(mailbox.busy).to.equal(false)
  })

  it('keeps the order, whichever items take their time and whenever they come', async () => {
    const items = fc.array(fc.record({ slow: fc.boolean(), later: fc.boolean() }), {
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(items, async (plan) => {
        const ran: number[] = []
        let running = 0
        const mailbox = new Mailbox<number>(NO_LIMIT, {
          run: (item) => {
            running += 1
            expect(running, 'at a time').to.equal(1)
            ran.push(item)
            const end = () => {
              running -= 1
            }
            if (plan[item]?.slow) return Promise.resolve().then(end)
            end()
            return undefined
          },
        })
        mailbox.open()
        for (const [item, { later }] of plan.entries()) {
          mailbox.put(item, 0)
          if (later) await Promise.resolve()
        }
        await new Promise((resolve) => setImmediate(resolve))
        expect(ran).to.deep.equal(plan.map((_each, item) => item))
      }),
      { numRuns: 200 },
    )
  })

  it('runs what an item puts in after that item', () => {
    const ran: string[] = []
    const mailbox: Mailbox<string> = new Mailbox(NO_LIMIT, {
      run: (item) => {
        ran.push(`begin ${item}`)
        if (item === 'a') for (const next of ['b', 'c']) mailbox.put(next, 0)
        ran.push(`end ${item}`)
        return undefined
      },
    })
    mailbox.open()
    mailbox.put('a', 0)
    expect(ran).to.deep.equal(['a', 'b', 'c'].flatMap((item) => [`begin ${item}`, `end ${item}`]))
  })

  it('takes a million items that end at once, without growing the stack', () => {
    // A queue that moved all its items for each that it gives would not be done before the timeout.
    const count = 1_000_000
    let ran = 0
    let depth = 0
    let deepest = 0
    let inOrder = true
    const mailbox: Mailbox<number> = new Mailbox(NO_LIMIT, {
      run: (item) => {
        depth += 1
        deepest = Math.max(deepest, depth)
        inOrder &&= item === ran
        ran += 1
        if (item < count / 2) mailbox.put(item + count / 2, 0)
        depth -= 1
        return undefined
      },
    })
    for (let item = 0; item < count / 2; item += 1) mailbox.put(item, 0)
    mailbox.open()
    expect({ ran, deepest, inOrder }).to.deep.equal({ ran: count, deepest: 1, inOrder: true })
  })

  it('takes as many waiting items as its limit, not counting the one that runs', async () => {
    const { mailbox, ran, durations } = recording({ items: 2, bytes: 100 })
    const first = task()
    durations.set(1, first.promise)
    mailbox.open()
    const taken = [1, 2, 3, 4].map((item) => mailbox.put(item, 1))
    expect(taken).to.deep.equal([true, true, true, false])
    await first.ended()
    expect(ran).to.deep.equal([1, 2, 3])
    expect(mailbox.put(5, 1), 'with room again').to.equal(true)
  })

  it('takes as many waiting bytes as its limit', async () => {
    const { mailbox, ran, durations } = recording({ items: 100, bytes: 10 })
    const [first, second] = [task(), task()]
    durations.set('first', first.promise)
    durations.set('second', second.promise)
    mailbox.open()
    expect(mailbox.put('first', 1_000), 'runs at once, whatever its size').to.equal(true)
    expect(mailbox.put('second', 6)).to.equal(true)
    expect(mailbox.put('too much', 5)).to.equal(false)
    expect(mailbox.put('third', 4)).to.equal(true)
    await first.ended()
    expect(mailbox.put('fourth', 6), 'where the second runs').to.equal(true)
    expect(mailbox.put('fifth', 1)).to.equal(false)
    await second.ended()
    expect(ran).to.deep.equal(['first', 'second', 'third', 'fourth'])
  })

  it('counts what it took once, however the items are spread', async () => {
    // The queue behind it has two halves: neither must be forgotten.
    const { mailbox, durations } = recording({ items: 3, bytes: 100 })
    const tasks = [task(), task()]
    for (const [item, { promise }] of tasks.entries()) durations.set(item, promise)
    mailbox.open()
    for (const item of [0, 1, 2, 3]) expect(mailbox.put(item, 1)).to.equal(true)
    await tasks[0]?.ended()
    expect([mailbox.put(4, 1), mailbox.put(5, 1)]).to.deep.equal([true, false])
  })

  it('that is stopped forgets what waits, takes all and runs nothing', async () => {
    const { mailbox, ran, durations } = recording({ items: 2, bytes: 10 })
    const first = task()
    durations.set(1, first.promise)
    mailbox.open()
    for (const item of [1, 2, 3]) mailbox.put(item, 1)
    mailbox.stop()
    expect(mailbox.busy).to.equal(false)
    for (let item = 4; item < 10; item += 1) expect(mailbox.put(item, 100)).to.equal(true)
    await first.ended()
    mailbox.open()
    expect(ran).to.deep.equal([1])
    expect(mailbox.busy).to.equal(false)
  })

  it('may be stopped by what it runs', () => {
    const ran: number[] = []
    const mailbox: Mailbox<number> = new Mailbox(NO_LIMIT, {
      run: (item) => {
        ran.push(item)
        if (item === 2) mailbox.stop()
        return undefined
      },
    })
    for (const item of [1, 2, 3]) mailbox.put(item, 0)
    mailbox.open()
    expect(ran).to.deep.equal([1, 2])
  })

  it('may be stopped before it is opened', () => {
    const { mailbox, ran } = recording()
    mailbox.put(1, 0)
    mailbox.stop()
    mailbox.open()
    expect(ran).to.deep.equal([])
  })
})
