import { type AgentClient, ok, type Payload, type Reply, text } from '../../support/agent-client.ts'

/** The first of the services that a business begins with. */
export const SERVICE = { id: 'srv_1', name: 'Consultație', durationMinutes: 30, price: 150 }

/** The result of a command that succeeds. */
export async function result(
  agent: AgentClient,
  command: string,
  parameters: object = {},
): Promise<Payload> {
  return ok(await agent.execute(command, parameters))['result'] as Payload
}

/** Asks for a draft of a record of services, unless told. */
export const propose = (
  agent: AgentClient,
  operation: string,
  parameters: object,
): Promise<Reply> =>
  agent.execute('create_draft', { repositoryType: 'services', operation, ...parameters })

/** The change that was drafted. */
export async function drafted(
  agent: AgentClient,
  operation: string,
  parameters: object,
): Promise<Payload> {
  return ok(await propose(agent, operation, parameters))['result'] as Payload
}

/** The id of a change that gives the first service another price. */
export async function draftPrice(agent: AgentClient, price: number): Promise<string> {
  return text(await drafted(agent, 'update', { recordId: 'srv_1', data: { price } }), 'changeId')
}

/** All records of a type, by id. */
export async function records(
  agent: AgentClient,
  repositoryType = 'services',
): Promise<Readonly<Record<string, Payload>>> {
  const found = (await result(agent, 'run_query', { repositoryType }))['records']
  return Object.fromEntries((found as readonly Payload[]).map((each) => [each['id'], each]))
}

export const change = (agent: AgentClient, changeId: unknown) =>
  result(agent, 'get_change', { changeId })

/** The ids of the session's changes of a status. */
export async function listed(agent: AgentClient, status: string): Promise<readonly unknown[]> {
  const { changes } = await result(agent, 'list_changes', { status })
  return (changes as readonly Payload[]).map(({ changeId }) => changeId)
}
