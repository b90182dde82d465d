import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import { ok, rawAgent } from '../../support/agent-client.ts'
import { startAgentServer, stopAgentServers } from '../../support/agent-server.ts'
import { rejectionMessage } from '../../support/rejection.ts'

const COMMAND = `{
  name: 'greet', description: 'Greets', audience: 'requester',
  parameters: {}, timeoutMs: 1000, run: () => 'hello',
}`
const REPOSITORY = `{
  types: () => [{ name: 'invoices', fields: ['total'] }],
  find: async () => ({ records: [], total: 7 }), get: async () => undefined, apply: async () => 'applied',
}`

const command = (change: string) => `export default [{ ...${COMMAND}, ${change} }]`
const types = (expression: string) =>
  `export default [{ ...${REPOSITORY}, types: () => ${expression} }]`

interface Bad {
  readonly title: string
  readonly source: string
  /** What is said beside the variable and the path. */
  readonly says: RegExp
}

const SHARED: readonly Bad[] = [
  { title: 'is no JavaScript', source: 'export default [', says: /cannot be loaded/ },
  { title: 'throws', source: 'throw new Error("one\\ntwo")', says: /cannot be loaded: one$/ },
  { title: 'exports nothing', source: '', says: /no list/ },
  { title: 'exports no list', source: `export default ${COMMAND}`, says: /no list/ },
]

const BAD_COMMANDS: readonly Bad[] = [
  ...SHARED,
  { title: 'has null for a command', source: 'export default [null]', says: /name must match/ },
  { title: 'has a name with a space', source: command('name: "a b"'), says: /"a b": name must/ },
  { title: 'has no description', source: command('description: 1'), says: /description/ },
  { title: 'has an unknown permission', source: command('permission: "root"'), says: /permission/ },
  { title: 'has an unknown audience', source: command('audience: "all"'), says: /audience/ },
  { title: 'has no schema', source: command('parameters: null'), says: /JSON Schema/ },
  {
    title: 'has a schema that is wrong',
    source: command('parameters: { properties: { a: { type: "strng" } } }'),
    says: /"greet": parameters: /,
  },
  {
    title: 'has a schema with a keyword that is none',
    source: command('parameters: { propertys: {} }'),
    says: /"greet": parameters: /,
  },
  { title: 'has no timeout', source: command('timeoutMs: 0'), says: /timeoutMs must be 1 to/ },
  { title: 'has too long a timeout', source: command('timeoutMs: 864e5 + 1'), says: /timeoutMs/ },
  { title: 'has an atomic that is none', source: command('atomic: 1'), says: /atomic must be/ },
  { title: 'has nothing to run', source: command('run: "hello"'), says: /run must be/ },
  {
    title: 'has a name twice',
    source: `export default [${COMMAND}, ${COMMAND}]`,
    says: /"greet": the name is taken/,
  },
  {
    title: 'has the name of a built-in',
    source: command('name: "run_query"'),
    says: /"run_query": the name is taken/,
  },
]

const BAD_REPOSITORIES: readonly Bad[] = [
  ...SHARED,
  { title: 'has no object', source: 'export default [7]', says: /methods types, find, get, apply/ },
  {
    title: 'has a repository that applies nothing',
    source: `export default [{ ...${REPOSITORY}, apply: undefined }]`,
    says: /methods types, find, get, apply/,
  },
  { title: 'throws when asked for its types', source: types('nothing'), says: /nothing is not/ },
  { title: 'has no list of types', source: types('({})'), says: /types/ },
  { title: 'has a type without a name', source: types('[{}]'), says: /name must match/ },
  { title: 'has a type named with a space', source: types('[{ name: "a b" }]'), says: /name must/ },
  {
    title: 'has fields that are no list',
    source: types('[{ name: "a", fields: "total" }]'),
    says: /fields/,
  },
  {
    title: 'has a field that is no name',
    source: types('[{ name: "a", fields: ["__proto__"] }]'),
    says: /fields/,
  },
  {
    title: 'has a type twice',
    source: `export default [${REPOSITORY}, ${REPOSITORY}]`,
    says: /invoices/,
  },
]

describe('a module', () => {
  let directory: string
  let modules = 0
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'modules-'))
  })
  afterEach(stopAgentServers)
  after(() => rm(directory, { recursive: true }))

  /** Each a file of its own: a module is loaded once. */
  async function write(source: string): Promise<string> {
    modules += 1
    const path = join(directory, `module-${modules}.mjs`)
    await writeFile(path, source)
    return path
  }

  /** What the start with such a module rejects with; the data must be free for the next. */
  async function refusal(option: 'commands' | 'repositories', path: string): Promise<string> {
    const dataDir = join(directory, `data-${modules}`)
    const message = await rejectionMessage(startAgentServer({ dataDir, [option]: path }))
    await startAgentServer({ dataDir })
    return message
  }

  for (const [variable, option, bad] of [
    ['COMMANDS', 'commands', BAD_COMMANDS],
    ['REPOSITORIES', 'repositories', BAD_REPOSITORIES],
  ] as const) {
    describe(`of ${variable} stops the start, with one line,`, () => {
      it('when it is not there', async () => {
        const path = join(directory, 'nowhere.mjs')
        expect(await refusal(option, path)).to.match(
          new RegExp(`^${variable}: ${path} cannot be loaded: .+$`),
        )
      })

      for (const { title, source, says } of bad) {
        it(`when it ${title}`, async () => {
          const path = await write(source)
          const message = await refusal(option, path)
          expect(message)
            .to.match(new RegExp(`^${variable}: .*${path}.*$`))
            .and.to.match(says)
        })
      }
    })
  }

  it('brings commands', async () => {
    const commands = await write(`export default [${COMMAND}]`)
    const agent = await rawAgent(await startAgentServer({ commands }))
    expect(ok(await agent.execute('greet'))['result']).to.equal('hello')
  })

  it('brings repositories, also instead of an embedded type', async () => {
    const source = types('[{ name: "invoices" }, { name: "services", fields: ["price"] }]')
    const repositories = await write(source)
    const agent = await rawAgent(await startAgentServer({ repositories }))
    for (const repositoryType of ['invoices', 'services']) {
      const { result } = ok(await agent.execute('run_query', { repositoryType }))
      expect(result).to.deep.equal({ records: [], total: 7 })
    }
    const { result } = ok(await agent.execute('run_query', { repositoryType: 'customers' }))
    expect(result).to.deep.include({ total: 3 })
  })

  it('is asked for its types once', async () => {
    const source = `let asked = 0
      export default [{ ...${REPOSITORY}, types() { asked += 1; return [{ name: 'invoices' }] },
        find: async () => ({ records: [], total: asked }) }]`
    const repositories = await write(source)
    const agent = await rawAgent(await startAgentServer({ repositories }))
    const { result } = ok(await agent.execute('run_query', { repositoryType: 'invoices' }))
    expect(result).to.deep.include({ total: 1 })
  })
})
