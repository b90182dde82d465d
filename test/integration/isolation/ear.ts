import { type AgentClient, agentOn, ok, type Who } from '../../support/agent-client.ts'
import { ask, type PlainAnswer, type PlainRequest } from '../../support/http.ts'
import { token } from '../../support/tokens.ts'
import { connectWire, type WireClient, type WireOptions } from '../../support/wire-client.ts'

/** Bytes as text: each character is one. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

/** As it stands in JSON, without the quotes. */
const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Every form in which a server could tell a text. */
const formsOf = (text: string): readonly string[] =>
  [...new Set([text, inJson(text), encodeURIComponent(text)])].map(latin1)

interface Heard {
  readonly bytes: string
  /** What the connection itself has named, which answers may name again. */
  readonly own: readonly string[]
}

/** The name that a request gives to a command: errors tell by it which request they are of. */
function commandIdIn(request: unknown): string | undefined {
  const { payload } = (request ?? {}) as { readonly payload?: { readonly commandId?: unknown } }
  return typeof payload?.commandId === 'string' ? payload.commandId : undefined
}

/** A tenant that is up to no good, with a valid token of its own: it keeps every byte that it ever got. */
export class Ear {
  readonly who: Who
  /** What it shows wherever it comes. */
  readonly token: string
  readonly #wires: { readonly wire: WireClient; readonly named: Set<string> }[] = []
  readonly #answers: string[] = []

  constructor(who: Who) {
    this.who = who
    const { businessId, operatorId: sub, permissions } = who
    this.token = token({ businessId, sub, permissions })
  }

  /** A connection with its token. */
  async wire(url: string, vsn: WireOptions['vsn'] = '2.0.0'): Promise<WireClient> {
    const wire = await connectWire(url, { vsn, params: { token: this.token } })
    const named = new Set<string>()
    this.#wires.push({ wire, named })
    void wire.closed.then(({ reason }) => this.#answers.push(reason))
    return {
      ...wire,
      push(message) {
        named.add(String(message.topic))
        const commandId = commandIdIn(message.payload)
        if (commandId !== undefined) named.add(commandId)
        wire.push(message)
      },
    }
  }

  /** Joined to its session and, unless told, authenticated. */
  async agent(url: string, isAuthenticated = true): Promise<AgentClient> {
    return await this.agentOn(await this.wire(url, null), isAuthenticated)
  }

  /** The same, on one of its connections. */
  async agentOn(wire: WireClient, isAuthenticated = true): Promise<AgentClient> {
    const agent = await agentOn(wire, this.who)
    if (isAuthenticated) ok(await agent.authenticate())
    return agent
  }

  /** An HTTP request, and whatever it is answered. */
  async ask(url: string | URL, asked: PlainRequest = {}): Promise<PlainAnswer> {
    const answer = await ask(url, asked)
    this.#answers.push(JSON.stringify(answer.headers), answer.body)
    return answer
  }

  /** Which of these texts is in anything that it got, beside what it named itself. */
  hears(texts: Iterable<string>): readonly string[] {
    const { businessId, sessionId, operatorId } = this.who
    const all = this.#heard([businessId, sessionId, operatorId].filter((id) => id.length > 1))
    const left = all.map(({ bytes, own }) => without(bytes, own)).join('\n')
    return [...texts].filter((text) => formsOf(text).some((form) => left.includes(form)))
  }

  /** How much that was. */
  get count(): number {
    return this.#heard([]).length
  }

  /** Ends its connections. */
  end(): void {
    for (const { wire } of this.#wires) wire.terminate()
  }

  #heard(own: readonly string[]): readonly Heard[] {
    const frames = this.#wires.flatMap(({ wire, named }) =>
      wire.frames.map(({ raw }) => ({
        bytes: typeof raw === 'string' ? latin1(raw) : Buffer.from(raw).toString('latin1'),
        own: [...own, ...named],
      })),
    )
    return [...frames, ...this.#answers.map((text) => ({ bytes: latin1(text), own }))]
  }
}

/** The longest first: what holds another one is a name of its own. */
function without(bytes: string, own: readonly string[]): string {
  const forms = own.flatMap(formsOf).sort((a, b) => b.length - a.length)
  return forms.reduce((left, form) => left.replaceAll(form, '\n'), bytes)
}
