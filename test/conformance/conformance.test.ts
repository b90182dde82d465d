import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { inPool } from '../support/pool.ts'
import { type ServerProcess, startProgram } from '../support/server-process.ts'
import { observationsOf, unlike } from './compare.ts'
import { packedScenario } from './packed.ts'
import { play } from './player.ts'
import type { Observed, Transcript } from './scenario.ts'
import { readDeviations, readNotPacked, readTranscripts } from './transcripts.ts'

/** Each on a server of its own: most of them use the same topic, and would hear each other's broadcasts. */
const AT_A_TIME = 8
const ALL_MS = 180_000

const transcripts = readTranscripts()
const deviations = readDeviations()
const notPacked = readNotPacked()
const isDeviating = ({ name }: Transcript) => deviations.has(name)

describe('conformance with Phoenix 1.8.12', () => {
  const deviating = transcripts.filter(isDeviating)
  const same = transcripts.filter((each) => !isDeviating(each))
  const overMessagePack = same.flatMap((each) => packedScenario(each) ?? [])
  const samePacked = overMessagePack.filter(({ name }) => !notPacked.has(name))
  const otherPacked = overMessagePack.filter(({ name }) => notPacked.has(name))
  const outcomes = new Map<Transcript, PromiseSettledResult<Observed>>()
  let fixtures: readonly ServerProcess[] = []

  before(async function () {
    this.timeout(ALL_MS)
    fixtures = await Promise.all(Array.from({ length: AT_A_TIME }, startFixture))
    const played = [...same, ...samePacked, ...deviating, ...otherPacked]
    const results = await inPool(played, fixtures, (transcript, { url }) => {
      const isSame = same.includes(transcript) || samePacked.includes(transcript)
      return play(transcript, url, isSame ? observationsOf(transcript) : [])
    })
    for (const [index, transcript] of played.entries()) {
      const result = results[index]
      if (result) outcomes.set(transcript, result)
    }
  })

  after(async function () {
    this.timeout(ALL_MS)
    await Promise.all(fixtures.map((fixture) => fixture.stop()))
  })

  function found(transcript: Transcript): readonly string[] {
    const outcome = outcomes.get(transcript)
    if (outcome?.status === 'fulfilled') return unlike(transcript, outcome.value)
    throw outcome?.reason ?? new Error('not played')
  }

  function expectSame(transcript: Transcript): void {
    const differences = found(transcript)
    if (differences.length > 0) expect.fail(`\n  ${differences.join('\n  ')}\n`)
  }

  describe('answers as Phoenix does', () => {
    for (const transcript of same) {
      it(title(transcript), () => expectSame(transcript))
    }
  })

  describe('answers otherwise, for a reason', () => {
    for (const transcript of deviating) {
      it(title(transcript), () => {
        expect(found(transcript), 'the same as Phoenix after all: take it off the list').not.empty
      })
    }
  })

  describe('answers the same over MessagePack', () => {
    for (const transcript of samePacked) {
      it(title(transcript), () => expectSame(transcript))
    }
  })

  describe('answers otherwise over MessagePack, or cannot be asked, for a reason', () => {
    for (const transcript of otherPacked) {
      it(title(transcript), () => {
        const isSame = outcomes.get(transcript)?.status === 'fulfilled' && !found(transcript).length
        expect(isSame, 'the same as V2 after all: take it off the list').to.equal(false)
      })
    }
  })

  it('outlives all of them', async () => {
    const health = await Promise.all(fixtures.map(({ url }) => fetch(new URL('/health', url))))
    expect(health.map(({ status }) => status)).to.deep.equal(Array(AT_A_TIME).fill(200))
  })

  it('lists as deviations only transcripts, each with a reason', () => {
    const names = new Set(transcripts.map(({ name }) => name))
    const wrong = [...deviations].filter(
      ([name, { kind, reason }]) => !names.has(name) || kind !== 'deviation' || !reason,
    )
    expect(wrong).to.deep.equal([])
  })

  it('leaves out of MessagePack only transcripts of V2, each with a reason', () => {
    const names = new Set(overMessagePack.map(({ name }) => name))
    expect([...notPacked].filter(([name, reason]) => !names.has(name) || !reason)).to.deep.equal([])
  })
})

const startFixture = (): Promise<ServerProcess> =>
  startProgram(new URL('./fixture.ts', import.meta.url), { PORT: '0' })

function title({ name, about }: Transcript): string {
  return `${name}: ${about}`
}
