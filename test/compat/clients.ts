import { WebSocket } from 'ws'
import type { Client } from './client.ts'
import { phoenixClient } from './phoenix-family.ts'
import { realtimeClient } from './realtime.ts'

/** Browsers bring a WebSocket; Node 20 has none. */
const inNode = { transport: WebSocket }

const before15 = { binary: 'binary frames came with phoenix.js 1.5' }
const longPolling = 'it only has a WebSocket'
const v1 = { longPolling, binary: 'vsn 1.0.0 has no binary frames' }
const ownBinary = { longPolling, binary: 'its binary frames are of kinds of its own' }

/** Every client of the matrix, in the order of its columns. */
export const CLIENTS: readonly Client[] = [
  phoenixClient('phoenix-1.3', 'phoenix', before15, inNode),
  phoenixClient('phoenix-1.4', 'phoenix', before15, inNode),
  phoenixClient('phoenix-1.5', 'phoenix', {}, inNode),
  phoenixClient('phoenix-1.6', 'phoenix', {}, inNode),
  phoenixClient('phoenix-1.7', 'phoenix', {}, inNode),
  phoenixClient('phoenix', 'phoenix', {}, inNode),
  // With the WebSocket that it brings, which is not `ws`.
  phoenixClient('phoenix-channels', 'phoenix-channels', v1, {}),
  realtimeClient('1.0.0', v1),
  realtimeClient('2.0.0', ownBinary),
]
