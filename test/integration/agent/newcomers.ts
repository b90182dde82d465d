import { after, before } from 'mocha'
import { type AgentClient, type ConnectAgent, rawAgent } from '../../support/agent-client.ts'
import {
  type AgentServer,
  COMMANDS,
  startAgentServer,
  stopAgentServers,
} from '../../support/agent-server.ts'

interface Newcomers {
  readonly server: AgentServer
  /** A client on a session of its own. */
  readonly newcomer: (connect?: ConnectAgent) => Promise<AgentClient>
  /** A client on the session of another one. */
  readonly other: (agent: AgentClient, own?: object) => Promise<AgentClient>
  /** The same server anew, on the data that the first one kept. */
  readonly restart: () => Promise<void>
}

/** One server with the commands of a module for all tests of the suite that calls this. */
export function newcomers(): Newcomers {
  let server: AgentServer
  let sessions = 0
  before(async () => {
    server = await startAgentServer({ commands: COMMANDS })
  })
  after(stopAgentServers)
  return {
    get server() {
      return server
    },
    newcomer(connect = rawAgent) {
      sessions += 1
      return connect(server, { sessionId: `s${sessions}`, businessId: `b${sessions}` })
    },
    other: (agent, own = {}) => rawAgent(server, { ...agent.who, ...own }),
    async restart() {
      server = await server.restart()
    },
  }
}
