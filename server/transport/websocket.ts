/** Phoenix channels over WebSocket: the mount on uWebSockets.js (protocol 1.1 to 1.10). */
import { CLOSE } from '../protocol/close.ts'
import type { Codec } from '../protocol/codec.ts'
import { type Session, Socket, type SocketContext } from '../socket/socket.ts'
import type { Client } from './admission.ts'
import type { ConnectInfoKeys } from './connect-info.ts'
import { validateConnectInfoKeys } from './connect-info.ts'
import { Entrance } from './entrance.ts'
import type { Ground, TakeRequest } from './ground.ts'
import type { HandshakeOptions, Refused } from './handshake.ts'
import { deferred, writeAnswer } from './http.ts'
import { compileOriginCheck, type OriginOption } from './origin.ts'
import { matchPath } from './path.ts'
import { header } from './request.ts'
import {
  type HttpRequest,
  type HttpResponse,
  type UpgradeContext,
  uws,
  type WebSocket,
} from './uws.ts'
import { type UserData, WebSocketConnection } from './websocket-connection.ts'

export interface WebSocketOptions {
  /** The last segment of the URL. */
  readonly path: string
  readonly checkOrigin: OriginOption
  /** Take the token that phoenix.js's `authToken` sends in a subprotocol. */
  readonly authToken: boolean
  readonly subprotocols?: readonly string[]
  readonly connectInfo: ConnectInfoKeys
  readonly errorHandler?: NonNullable<HandshakeOptions['errorHandler']>
  /** Without a byte from the client for so long, the connection is closed with 1002. */
  readonly timeoutMs: number
  /** Header and payload of a frame; a larger one closes with 1009, twice as large a payload cuts. */
  readonly maxFrameBytes: number
  /** What may wait for a client that reads slowly, before it is cut. */
  readonly maxBufferedBytes: number
  readonly compress: boolean
}

export const WEBSOCKET_DEFAULTS: WebSocketOptions = {
  path: '/websocket',
  checkOrigin: true,
  authToken: false,
  connectInfo: [],
  timeoutMs: 60_000,
  maxFrameBytes: 10_000_000,
  maxBufferedBytes: 4 * 1024 * 1024,
  compress: false,
}

interface Opening extends UserData {
  readonly client: Client
  readonly codec: Codec
  readonly session: Session
}

/** The size of a client's frame with its header: 2 bytes, 4 of mask, and 0, 2 or 8 of length. */
export function frameBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return payloadBytes + 6
  return payloadBytes + (payloadBytes < 65_536 ? 8 : 14)
}

/** The answer to what uWS did not take for a handshake, however the app would decide. */
const NO_HANDSHAKE: Refused = {
  kind: 'refuse',
  reason: 'headers',
  status: 400,
  body: "no handshake: 'sec-websocket-key' must be 24 characters, the URL as it is mounted",
}

/**
 * Mounts a user socket at `mountPath` + `options.path`. Throws TypeError, at start-up, for a malformed origin
 * entry or an unknown connect info key.
 */
export function mountWebSocket(
  { app, hosts, readRequest, lanes, connections, admission, lent }: Ground,
  mountPath: string,
  options: WebSocketOptions,
  context: SocketContext,
): TakeRequest {
  validateConnectInfoKeys(options.connectInfo)
  const { telemetry } = context
  const crashed = (error: unknown) => telemetry.crashed.publish({ topic: undefined, error })
  const pattern = mountPath + options.path
  const checkOrigin = compileOriginCheck(options.checkOrigin, hosts)
  const entrance = new Entrance(
    { transport: 'websocket', pattern, handshake: { ...options, checkOrigin } },
    admission,
    context,
  )

  function upgrade(res: HttpResponse, req: HttpRequest, socketContext: UpgradeContext): void {
    const request = readRequest(res, req)
    const later = deferred(res, crashed)
    let isLate = false
    entrance.admit(request, (verdict, client) => {
      if (verdict.kind === 'refuse') {
        later(() => writeAnswer(res, verdict), undefined, true)
        return
      }
      const { codec, session, protocol } = verdict
      const accept = () =>
        res.upgrade<Opening>(
          { codec, session, client },
          header(request, 'sec-websocket-key') ?? '',
          protocol ?? '',
          header(request, 'sec-websocket-extensions') ?? '',
          socketContext,
        )
      later(accept, isLate ? lent.cork?.run : undefined, true)
    })
    isLate = true
  }

  function open(ws: WebSocket<Opening>): void {
    const data = ws.getUserData()
    try {
      const connection = new WebSocketConnection(
        ws as WebSocket<UserData>,
        options,
        lanes,
        telemetry,
      )
      connection.socket = new Socket(context, connection, data.codec, data.session)
      data.connection = connection
      connections.add(connection)
      admission.entered(data.client, connection.socket.id)
    } catch (error) {
      // A session or a pub/sub that is not as it must be: out of this handler, it would end the process.
      crashed(error)
      ws.end(CLOSE.crashed.code)
    }
  }

  function message(ws: WebSocket<Opening>, bytes: ArrayBuffer, isBinary: boolean): void {
    const { connection } = ws.getUserData()
    if (!connection?.socket) return
    connection.heard = true
    if (frameBytes(bytes.byteLength) > options.maxFrameBytes) connection.socket.close('tooBig')
    else connection.received(bytes, isBinary)
  }

  const heard = (ws: WebSocket<Opening>) => {
    const { connection } = ws.getUserData()
    if (connection) connection.heard = true
  }

  const behavior = {
    compression: options.compress ? uws.SHARED_COMPRESSOR : uws.DISABLED,
    maxPayloadLength: 2 * options.maxFrameBytes,
    maxBackpressure: options.maxBufferedBytes,
    closeOnBackpressureLimit: true,
    // Phoenix counts the client's bytes alone; our own sweep does, uWS's timer would not.
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade,
    open,
    message,
    ping: heard,
    pong: heard,
    dropped: (ws: WebSocket<Opening>) => ws.getUserData().connection?.lose(),
    drain: (ws: WebSocket<Opening>) => ws.getUserData().connection?.drained(),
    close(ws: WebSocket<Opening>, code: number) {
      const { connection, client } = ws.getUserData()
      if (!connection) return
      connections.delete(connection)
      admission.left(client, connection.socket?.id)
      telemetry.disconnected.publish({ transport: 'websocket', code })
      connection.closed()
    },
  }
  app.ws(pattern, behavior)
  app.ws(`${pattern}/`, behavior)

  return (res, request) => {
    if (!matchPath(pattern, request.path)) return false
    const later = deferred(res, crashed)
    entrance.refuse(request, NO_HANDSHAKE, (verdict) => later(() => writeAnswer(res, verdict)))
    return true
  }
}
