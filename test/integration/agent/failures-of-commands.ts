import type { Failure, Stage } from './scenario.ts'

/** A request for a command, which it begins unless there is something to wait for first. */
const command = (name: string, parameters: object = {}) => ({
  operation: 'agent_execute_command' as const,
  event: 'agent_command_error' as const,
  payload: ({ agent }: Stage): object => agent.nested({ command: name, parameters }),
})

const appointment = (operation: string, recordId: string, data?: object) => ({
  repositoryType: 'appointments',
  operation,
  recordId,
  ...(data && { data }),
})

/** Refused before it begins. */
const notBegun: readonly Failure[] = [
  {
    title: 'a command that nobody knows',
    code: 'unknown_command',
    ...command('constructor'),
  },
  {
    ...command('constructor'),
    title: 'a command that nobody knows, under a name',
    code: 'unknown_command',
    about: { commandId: 'mine' },
    payload: ({ agent }) => agent.nested({ command: 'constructor', commandId: 'mine' }),
  },
  {
    title: 'a command whose own permission is missing',
    code: 'permission_denied',
    as: { permissions: ['agent_access', 'data_query'] },
    about: { command: 'guarded' },
    ...command('guarded'),
  },
  {
    title: 'a command with a parameter that is wrong',
    code: 'invalid_payload',
    details: ['/payload/parameters/size'],
    about: { command: 'guarded' },
    ...command('guarded', { size: 'large' }),
  },
  {
    title: 'a command with a parameter that it does not have',
    code: 'invalid_payload',
    details: ['/payload/parameters'],
    about: { command: 'list_commands' },
    ...command('list_commands', { verbose: true }),
  },
  {
    ...command('list_commands'),
    title: 'the 101st command at once',
    code: 'rate_limited',
    about: { command: 'list_commands', commandId: 'one too many' },
    async payload({ agent }) {
      const request = agent.nested({ command: 'pass', parameters: { name: 'never' } })
      for (let count = 0; count < 100; count += 1) {
        agent.sendWithoutRef('agent_execute_command', request)
      }
      return agent.nested({ command: 'list_commands', commandId: 'one too many' })
    },
  },
]

/** Begun, and failed: the answer says which one it was. */
const begun: readonly Failure[] = [
  { title: 'a command that throws', code: 'command_failed', command: 'fail', ...command('fail') },
  {
    title: 'a command that takes too long',
    code: 'command_timeout',
    command: 'late',
    ...command('late', { name: 'nobody waits' }),
  },
  {
    title: 'a command that runs when the node shuts down',
    code: 'command_cancelled',
    command: 'pass',
    ...command('pass', { name: 'never' }),
    async meanwhile({ agent, server }) {
      // A later message of the topic is answered, so the command runs.
      await agent.history()
      await server.app.close()
    },
  },
  {
    title: 'a command on a store that is closed',
    code: 'unavailable',
    command: 'run_query',
    ...command('run_query'),
    async payload({ agent, server }) {
      await server.app.close()
      return agent.nested({ command: 'run_query', parameters: { repositoryType: 'services' } })
    },
  },
  {
    title: 'a command that refuses with a code that is none',
    code: 'internal',
    command: 'refuse',
    ...command('refuse', { code: 'because' }),
  },
  {
    title: 'run_query of an unknown repository',
    code: 'unknown_repository',
    command: 'run_query',
    ...command('run_query', { repositoryType: '__proto__' }),
  },
  {
    title: 'get_change of an unknown change',
    code: 'unknown_change',
    command: 'get_change',
    ...command('get_change', { changeId: 'chg_1' }),
  },
  {
    title: 'create_draft of an unknown repository',
    code: 'unknown_repository',
    command: 'create_draft',
    ...command('create_draft', { repositoryType: 'x', operation: 'delete', recordId: 'r' }),
  },
  {
    title: 'create_draft that updates a record that is not there',
    code: 'unknown_record',
    command: 'create_draft',
    ...command('create_draft', appointment('update', 'apt_9', {})),
  },
  {
    title: 'create_draft that creates a record that is there',
    code: 'change_conflict',
    command: 'create_draft',
    ...command('create_draft', appointment('create', 'apt_1', {})),
  },
]

/** Every way in which a command can fail. */
export const COMMAND_FAILURES: readonly Failure[] = [...notBegun, ...begun]
