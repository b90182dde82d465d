import { pathToFileURL } from 'node:url'
import type * as Repositories from '../../fixtures/repositories.ts'
import { WHO } from '../../support/agent-client.ts'
import { REPOSITORIES } from '../../support/agent-server.ts'

/** The hand that a repository of a module has on its own records. */
export type Invoices = typeof Repositories.invoices

/**
 * The records of `REPOSITORIES`, with this one and no memory. Imported as the server does, so that it is the same
 * instance of the module.
 */
export async function onlyInvoice(record: Parameters<Invoices['put']>[1]): Promise<Invoices> {
  const module: typeof Repositories = await import(pathToFileURL(REPOSITORIES).href)
  module.invoices.reset()
  module.invoices.put(WHO.businessId, record)
  return module.invoices
}
