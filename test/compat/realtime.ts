import * as library from '@supabase/realtime-js'
import {
  RealtimeChannel,
  RealtimeClient,
  type WebSocketLikeConstructor,
} from '@supabase/realtime-js'
import { WebSocket } from 'ws'
import {
  type Answer,
  type Client,
  type ClientChannel,
  type ClientSocket,
  hearHeartbeat,
  type Message,
  onAnswer,
  type Present,
  queue,
  RETRY_MS,
} from './client.ts'
import { versionOf } from './version.ts'

const PACKAGE = '@supabase/realtime-js'

/** What its types leave out: they know the events of one service. */
interface OpenChannel {
  on(event: string, filter: object, callback: (payload: unknown) => void): void
  _push(event: string, payload: unknown, timeoutMs?: number): RealtimeChannel['joinPush']
}

/** Supabase's client with one of its two serializers. */
export const realtimeClient = (vsn: '1.0.0' | '2.0.0', lacks: Client['lacks']): Client => ({
  name: `${PACKAGE} ${versionOf(PACKAGE)}, vsn ${vsn}`,
  lacks,
  longPolls: 'LongPoll' in library,
  connect(url, params) {
    const client = new RealtimeClient(url.replace(/^http/, 'ws'), {
      vsn,
      // It does not start without a key.
      params: { apikey: 'none', ...params },
      transport: WebSocket as WebSocketLikeConstructor,
      reconnectAfterMs: () => RETRY_MS,
    })
    return connect(client)
  },
})

function connect(client: RealtimeClient): ClientSocket {
  const opens = queue<true>()
  const closes = queue<unknown>()
  const heartbeats = queue<unknown>()
  client.stateChangeCallbacks.open.push(() => opens.push(true))
  client.stateChangeCallbacks.close.push(({ code }: { code: number }) => closes.push(code))
  client.stateChangeCallbacks.message.push((message: Message) => hearHeartbeat(message, heartbeats))
  client.connect()
  return {
    opens,
    closes,
    heartbeats,
    heartbeat: () => void client.sendHeartbeat(),
    join(topic, params) {
      // client.channel() would write `realtime:` before the topic.
      const channel = new RealtimeChannel(topic, { config: {}, ...params }, client)
      client.channels.push(channel)
      return join(channel)
    },
    disconnect: () => client.disconnect(),
  }
}

function join(channel: RealtimeChannel): ClientChannel {
  const open = channel as unknown as OpenChannel
  const on = (event: string) => {
    const payloads = queue<unknown>()
    open.on(event, {}, (payload) => payloads.push(payload))
    return payloads
  }
  const joins = queue<Answer>()
  const errors = on('phx_error')
  const closes = on('phx_close')
  onAnswer(channel.joinPush, (answer) => joins.push(answer))
  channel.subscribe()
  return {
    joins,
    errors,
    closes,
    on,
    push: (event, payload, timeoutMs) =>
      new Promise((resolve) => {
        // send() knows three events, and does not tell the response.
        onAnswer(open._push(event, payload, timeoutMs), resolve)
      }),
    presence() {
      const changes = queue<Present>()
      channel.on('presence', { event: 'sync' }, () => {
        const entries = Object.entries(channel.presenceState<{ status: unknown }>())
        const present = entries.map(([name, metas]) => [name, metas.map(({ status }) => status)])
        changes.push(Object.fromEntries(present))
      })
      return changes
    },
    async leave() {
      const result = await channel.unsubscribe()
      return { status: result === 'timed out' ? 'timeout' : result, response: {} }
    },
  }
}
