/** One thing that an operator does, on the model and on real servers at once. */
import { expect } from 'chai'
import type fc from 'fast-check'
import type { AgentClient, Reply } from '../../support/agent-client.ts'
import type { Model } from './model.ts'
import type { Answer } from './state.ts'
import type { Clock, World } from './world.ts'

/** The same run on several servers. */
export interface Worlds {
  readonly clock: Clock
  readonly all: readonly World[]
}

export type Step = fc.AsyncCommand<Model, Worlds, false>

interface Asked {
  readonly says: string
  readonly at: number
  readonly ask: (client: AgentClient, world: World, model: Model) => Promise<Reply>
  readonly answer: (model: Model) => Answer
}

/** Every server answers what the model answers. */
export const asking = ({ says, at, ask, answer }: Asked): Step => ({
  check: (model) => model.slot(at).isJoined,
  async run(model, { all }) {
    const asked = all.map(async (world) =>
      world.answer(at, await ask(world.client(at), world, model)),
    )
    const answers = await Promise.all(asked)
    const due = answer(model)
    for (const each of answers) expect(each, `${at}: ${says}`).to.deep.equal(due)
  },
  toString: () => `${at}: ${says}`,
})
