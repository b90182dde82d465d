/** The public channel API: one call, schemas first, handlers typed from them. */
import type { Static, TSchema, TUnknown } from '@sinclair/typebox'
import { PHX } from '../protocol/message.ts'
import { type Err, error } from './result.ts'
import { compileSchema, type Problem, type Validator } from './schema.ts'
import { compileTopic } from './topic.ts'
import type {
  AnySocket,
  Channel,
  ChannelDefinition,
  Contract,
  JoinResult,
  MaybePromise,
  None,
  Schemas,
} from './types.ts'

type Handler = (socket: AnySocket, payload: unknown) => unknown
type Handlers = Readonly<Record<string, Handler>>

const invalid = ({ path, problem }: Problem): Err =>
  error(`invalid payload:${path === '' ? '' : ` ${path}`} ${problem}`)

function misuse(topic: string, what: string, cause?: unknown): TypeError {
  return new TypeError(`channel "${topic}": ${what}`, { cause })
}

function compile(topic: string, what: string, schema: TSchema): Validator {
  try {
    return compileSchema(schema)
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw misuse(topic, `the schema of ${what}: ${problem}`, cause)
  }
}

/** Each declared event with its validator and its handler: a Map, because a client names events. */
function incoming(topic: string, declared: Contract, handlers: Handlers) {
  const events = new Map<string, { readonly validate: Validator; readonly handle: Handler }>()
  for (const [event, { payload }] of Object.entries(declared)) {
    const handle = Object.hasOwn(handlers, event) ? handlers[event] : undefined
    if (typeof handle !== 'function') throw misuse(topic, `"${event}" has no handler in handleIn`)
    events.set(event, { validate: compile(topic, `"${event}"`, payload), handle })
  }
  for (const event of Object.keys(handlers)) {
    if (!events.has(event))
      throw misuse(topic, `handleIn has "${event}", which \`in\` does not declare`)
  }
  return events
}

/** The handlers of intercepted events; whoever broadcasts may let a client name the event. */
function intercepting(topic: string, handlers: Handlers): ReadonlyMap<string, Handler> {
  for (const [event, handle] of Object.entries(handlers)) {
    if (typeof handle !== 'function') throw misuse(topic, `handleOut of "${event}" is no function`)
  }
  return new Map(Object.entries(handlers))
}

/**
 * Defines a channel: `defineChannel('room:*', { params, in, out, join, handleIn, … })`. Schemas are compiled
 * here, so that a wrong one stops the start. Throws TypeError for a pattern, schema or handler that is wrong.
 *
 * A failure in a handler is one of two kinds: `return error('reason')` answers the client; a throw crashes
 * the channel, and that channel alone.
 */
export function defineChannel<
  const T extends string,
  J extends MaybePromise<JoinResult>,
  P extends TSchema = TUnknown,
  In extends Contract = None,
  Out extends Schemas = None,
  S extends object = None,
>(topic: T, definition: ChannelDefinition<T, P, J, In, Out, S>): Channel<T, Static<P>, In, Out> {
  const { match } = compileTopic(topic)
  if (typeof definition.join !== 'function') throw misuse(topic, 'join(socket, params) is missing')
  const validateParams = compile(topic, 'params', definition.params ?? ({} as TSchema))
  // The one place where the author's types end and the wire's `unknown` begins.
  const { join, catchAll, handleInvalid, handleInfo, handleGap, terminate } =
    definition as unknown as {
      join: Handler
      catchAll?: (socket: AnySocket, event: unknown, payload: unknown) => unknown
      handleInvalid?: (socket: AnySocket, message: object) => unknown
      handleInfo?: Handler
      handleGap?: Channel['handleGap']
      terminate?: Channel['terminate']
    }
  const events = incoming(
    topic,
    definition.in ?? {},
    (definition.handleIn ?? {}) as unknown as Handlers,
  )
  const outgoing = intercepting(topic, (definition.handleOut ?? {}) as unknown as Handlers)
  const refuse = (socket: AnySocket, event: string, payload: unknown, problem: Problem) =>
    handleInvalid ? handleInvalid(socket, { event, payload, problem }) : invalid(problem)

  return {
    topic,
    assigns: definition.assigns ?? {},
    autoSubscribe: definition.autoSubscribe ?? true,
    intercepts: new Set(outgoing.keys()),
    match,
    join(socket, params) {
      const problem = validateParams(params)
      return problem ? refuse(socket, PHX.join, params, problem) : join(socket, params)
    },
    handleIn(socket, event, payload) {
      const known = events.get(event as string)
      if (!known) {
        if (catchAll) return catchAll(socket, event, payload)
        throw new Error(`no handler for event ${JSON.stringify(event)}, and no catchAll`)
      }
      const problem = known.validate(payload)
      if (problem) return refuse(socket, event as string, payload, problem)
      return known.handle(socket, payload)
    },
    handleOut(socket, event, payload) {
      return outgoing.get(event)?.(socket, payload)
    },
    handleInfo,
    handleGap,
    terminate: (reason, socket) => terminate?.(reason, socket),
  }
}
