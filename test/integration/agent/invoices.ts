import { pathToFileURL } from 'node:url'
import type * as Repositories from '../../fixtures/repositories.ts'
import { type AgentClient, text, WHO } from '../../support/agent-client.ts'
import {
  type AgentServerOptions,
  REPOSITORIES,
  startAgentServer,
} from '../../support/agent-server.ts'
import { drafted } from './drafts.ts'

/** The hand that a repository of a module has on its own records. */
export type Invoices = typeof Repositories.invoices

export const BUSINESS = WHO.businessId
export const INVOICE = { id: 'inv_1', number: 1, total: 100, customer: { name: 'Ana' } }

/** A server with the foreign repositories. */
export const startForeign = (options: AgentServerOptions = {}) =>
  startAgentServer({ repositories: REPOSITORIES, ...options })

/** The id of a change that gives an invoice, or a receipt, another total. */
export async function draftTotal(
  agent: AgentClient,
  total: number,
  recordId = 'inv_1',
  repositoryType = 'invoices',
): Promise<string> {
  const parameters = { repositoryType, recordId, data: { total } }
  return text(await drafted(agent, 'update', parameters), 'changeId')
}

/**
 * The records of `REPOSITORIES`, with this one and no memory. Imported as the server does, so that it is the same
 * instance of the module.
 */
export async function onlyInvoice(
  record: Parameters<Invoices['put']>[1] = INVOICE,
): Promise<Invoices> {
  const module: typeof Repositories = await import(pathToFileURL(REPOSITORIES).href)
  module.invoices.reset()
  module.invoices.put(BUSINESS, record)
  return module.invoices
}
