import type { Static, TObject } from '@sinclair/typebox'
import { ModifyRequest, QueryModifyRequest } from '../contract.ts'
import { type Modifications, malformed, modifyQuery } from '../modifications.ts'
import { queryModified } from '../query-events.ts'
import { announced, type Operation } from './operation.ts'

/** Where a request has what is to be modified, and how. */
interface Modifying<S extends TObject> extends Pick<Operation<S>, 'name' | 'schema'> {
  read(payload: Static<S>): {
    readonly repositoryType: string
    readonly modifications: Modifications
  }
}

const modifying = <S extends TObject>({ name, schema, read }: Modifying<S>): Operation<S> => ({
  name,
  schema,
  permission: 'query.modify',
  malformed: (payload) => malformed(read(payload).modifications),
  perform({ agent, client, actor, payload }, to) {
    const request = { ...read(payload), announce: queryModified(agent) }
    return announced(client, to, () => modifyQuery(agent, actor, request))
  },
})

/** `agent_modify_query`: modifications as an object, each member a `modify`. */
export const modify = modifying({
  name: 'agent_modify_query',
  schema: ModifyRequest,
  read: ({ payload: { repositoryType, modifications: value } }) => {
    const modifications = { form: 'object', path: '/payload/modifications', value } as const
    return { repositoryType, modifications }
  },
})

/** `agent_query_modify`: modifications as a list. */
export const queryModify = modifying({
  name: 'agent_query_modify',
  schema: QueryModifyRequest,
  read: ({ repositoryType, modifications: value }) => {
    const modifications = { form: 'list', path: '/modifications', value } as const
    return { repositoryType, modifications }
  },
})
