import type { AgentClient, Reply } from '../../support/agent-client.ts'
import { RECORD, type Traces } from './owner.ts'

/** What an attacker can name: the owner's, or what is nobody's. */
export type Names = Omit<Traces, 'seq'> & { readonly recordId: string }

export const owned = ({ seq, ...ids }: Traces): Names => ({
  ...ids,
  recordId: RECORD,
})

/** Of the same form and length, so that nothing but being there tells them apart. */
export function nobodys(names: Names): Names {
  const turned = Object.entries(names).map(([what, name]) => [what, `${name.slice(0, -4)}____`])
  return Object.fromEntries(turned) as Names
}

/** Asks for one thing by its name. */
type Question = (agent: AgentClient, names: Names) => Promise<Reply>

const draft = (operation: string, repositoryType: string): Question => {
  const data = operation === 'update' ? { data: { name: 'mine' } } : {}
  return (agent, { recordId }) =>
    agent.execute('create_draft', { repositoryType, operation, recordId, ...data })
}

const CHANGES = ['pendingId', 'approvedId', 'rejectedId', 'foreignId'] as const
const MODIFICATIONS = ['modificationId', 'revertedId'] as const

/** Everything that names something, and what the answer is to whoever has no such thing. */
export const QUESTIONS: readonly {
  readonly what: string
  readonly answer: string
  readonly ask: Question
}[] = [
  ...CHANGES.flatMap((id) => [
    {
      what: `approves ${id}`,
      answer: 'unknown_change',
      ask: (agent: AgentClient, names: Names) => agent.approve(names[id]),
    },
    {
      what: `rejects ${id}`,
      answer: 'unknown_change',
      ask: (agent: AgentClient, names: Names) => agent.reject(names[id]),
    },
    {
      what: `gets ${id}`,
      answer: 'unknown_change',
      ask: (agent: AgentClient, names: Names) =>
        agent.execute('get_change', { changeId: names[id] }),
    },
    {
      what: `lists the changes after ${id}`,
      answer: 'ok',
      ask: (agent: AgentClient, names: Names) =>
        agent.execute('list_changes', { after: names[id] }),
    },
  ]),
  ...MODIFICATIONS.flatMap((id) => [
    {
      what: `reverts ${id}`,
      answer: 'unknown_modification',
      ask: (agent: AgentClient, names: Names) => agent.revert(names[id]),
    },
    {
      what: `lists the history before ${id}`,
      answer: 'ok',
      ask: (agent: AgentClient, names: Names) => agent.history({ before: names[id] }),
    },
  ]),
  ...['customers', 'invoices'].flatMap((repositoryType) =>
    ['update', 'delete'].map((operation) => ({
      what: `drafts to ${operation} a record of ${repositoryType}`,
      answer: 'unknown_record',
      ask: draft(operation, repositoryType),
    })),
  ),
  {
    what: 'cancels commandId',
    answer: 'unknown_command',
    ask: (agent, { commandId }) => agent.cancel(commandId),
  },
  {
    what: 'asks for what came since',
    answer: 'ok',
    ask: (agent, { epoch }) => agent.authenticate({ lastSeq: 0, epoch }),
  },
  {
    what: 'asks for what came since 3',
    answer: 'ok',
    ask: (agent, { epoch }) => agent.authenticate({ lastSeq: 3, epoch }),
  },
]
