import { expect } from 'chai'
import { beforeEach, describe, it } from 'mocha'
import type { Repository } from '../../channels/agent/repository/repository.ts'
import repositories, { invoices } from '../fixtures/repositories.ts'
import { repositoryContract } from './repository.ts'
import { BUSINESS, changeTo, placeOf, read } from './repository-setup.ts'

const repository = repositories[0] as Repository

repositoryContract('of a module', async () => {
  invoices.reset()
  return {
    repository,
    other: repository,
    // What it keeps is not ours: it is the same after every start of ours.
    reopen: async () => repository,
    cleanup: async () => invoices.reset(),
  }
})

describe('a repository that applies changes by itself', () => {
  beforeEach(() => invoices.reset())

  it('applies a change once, however often it is asked, whatever came after it', async () => {
    const place = placeOf(repository, 'r1')
    const change = changeTo(place, { id: 'r1', total: 1 }, 0)
    expect(await repository.apply(BUSINESS, change, 0)).to.equal('applied')
    const applied = await read(repository, place)
    expect(await repository.apply(BUSINESS, change, 0)).to.equal('applied')
    expect(await read(repository, place)).to.deep.equal(applied)

    const next = changeTo(place, { id: 'r1', total: 2 }, applied?.version ?? 0)
    expect(await repository.apply(BUSINESS, next, applied?.version ?? 0)).to.equal('applied')
    for (const again of [change, next]) {
      expect(await repository.apply(BUSINESS, again, 0)).to.equal('applied')
    }
    expect((await read(repository, place))?.record).to.deep.equal({ id: 'r1', total: 2 })
  })

  it('asked again after a conflict, decides by what the record is by then', async () => {
    const place = placeOf(repository, 'r1')
    const change = changeTo(place, { id: 'r1', total: 1 }, 1)
    expect(await repository.apply(BUSINESS, change, 1)).to.equal('conflict')
    expect(await repository.apply(BUSINESS, change, 1)).to.equal('conflict')
    expect(await repository.apply(BUSINESS, change, 0)).to.equal('applied')
  })
})
