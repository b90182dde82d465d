import { connect, createServer, type Server } from 'node:net'
import { Type as T } from '@sinclair/typebox'
import type { App, AppOptions } from '../../server/app.ts'
import { readConfig } from '../../server/config.ts'
import { accept, defineChannel, defineSocket, ok, refuse } from '../../server/index.ts'
import { createLogger } from '../../server/logger.ts'
import { type Node, startNode } from '../../server/node.ts'
import { freePort } from '../support/free-port.ts'
import { gate } from '../support/gate.ts'
import { connectWire, replyTo, terminateWires } from '../support/wire-client.ts'

/** An app whose readiness, busyness and end a test decides; `events` tells what became of it. */
export function stubApp() {
  const state = {
    isReady: true,
    isBusy: false,
    waiting: gate(),
    handling: gate(),
    closing: Promise.resolve(),
    events: [] as string[],
    options: undefined as AppOptions | undefined,
    connects: [] as (readonly [params: unknown, info: unknown])[],
  }
  const room = defineChannel('room:*', {
    in: { echo: { payload: T.Any(), reply: T.Any() }, wait: { payload: T.Any(), reply: T.Any() } },
    join: () => ok({}),
    handleIn: {
      echo: (_socket, payload) => ok(payload),
      async wait() {
        state.handling.open()
        await state.waiting.opened
        return ok({ waited: true })
      },
    },
  })
  const socket = defineSocket({
    channels: [room],
    connect(params: { readonly reject?: string }, info: unknown) {
      state.connects.push([params, info])
      return params.reject ? refuse(params.reject) : accept()
    },
  })
  const app: App = {
    socket,
    ready: async () => state.isReady,
    busy: () => state.isBusy,
    cancel: () => state.events.push('cancelled'),
    async close() {
      state.events.push('closed')
      await state.closing
    },
  }
  const create = async (options: AppOptions) => {
    state.options = options
    return app
  }
  return Object.assign(state, { app, room, create })
}

/** The lines that nodes logged. */
export const logs: string[] = []
const nodes = new Set<Node>()

/** Starts a node on a free port of loopback. Rejects as it does. */
export function start(
  env: Readonly<Record<string, string>> = {},
  create: (options: AppOptions) => Promise<App> = stubApp().create,
): Promise<Node> {
  const config = readConfig({ PORT: '0', NODE_NAME: 'node-1', DRAIN_MS: '5000', ...env })
  const destination = { write: (line: string) => logs.push(line) }
  const { logLevel: level, nodeName } = config
  const starting = startNode(config, create, createLogger({ level, nodeName, destination }))
  return starting.then((node) => {
    nodes.add(node)
    return node
  })
}

/** A node whose app does not start before `finish` is called; its port is open already. */
export async function startSlowly() {
  const PORT = String(await freePort())
  const [asked, answered] = [gate(), gate<App>()]
  const starting = start({ PORT }, () => {
    asked.open()
    return answered.opened
  })
  await asked.opened
  const finish = async (): Promise<void> => {
    answered.open(stubApp().app)
    await starting
  }
  return { url: `http://127.0.0.1:${PORT}`, finish }
}

/** A plain server on a port of loopback. */
export const listening = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
  })

export function portOf(server: Server): number {
  const address = server.address()
  if (typeof address === 'object' && address) return address.port
  throw new Error('a server without a port')
}

/** Whether nobody listens on a port of loopback. */
export const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })

/** A client that has joined `room:1`. */
export async function joined(url: string) {
  const wire = await connectWire(url)
  wire.push({ topic: 'room:1', event: 'phx_join', ref: 'j', joinRef: 'j' })
  await wire.next(replyTo('j'))
  return wire
}

/** Ends every node that a test started, and its clients: for `afterEach`. */
export async function stopNodes(): Promise<void> {
  terminateWires()
  for (const node of nodes) await node.stop().catch(() => undefined)
  nodes.clear()
  logs.length = 0
}
