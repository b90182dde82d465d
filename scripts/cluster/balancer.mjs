/** Shares connections out among the nodes, in turn; whatever is in them passes as it is. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const HOST = '127.0.0.1'
/** Each side ends by itself: one that has said all it had to say may still have to listen. */
const SOCKET = { allowHalfOpen: true, noDelay: true }

/**
 * Listens on `port` (0 picks a free one). Who connects gets the next port of `ports`, which may change at any
 * time, or the first after it that answers; where none does, the connection is reset. Rejects where the port
 * cannot be had.
 */
export async function startBalancer(port, ports) {
  let turns = 0
  const server = createServer(SOCKET, (client) => {
    // What is wrong with it is told by `close`, too.
    client.on('error', () => {})
    const turn = turns % Math.max(ports.length, 1)
    turns += 1
    pass(client, [...ports.slice(turn), ...ports.slice(0, turn)])
  })
  server.listen(port, HOST)
  await once(server, 'listening')
  return {
    url: `http://${HOST}:${server.address().port}`,
    /** Accepts nobody any more. Resolves when the last client has gone. */
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/** A node that is down refuses at once: asking it again each time is how it is found to be back. */
function pass(client, [port, ...others]) {
  if (port === undefined) {
    client.resetAndDestroy()
    return
  }
  const node = connect({ ...SOCKET, host: HOST, port })
  const next = () => pass(client, others)
  node.once('error', next).once('connect', () => {
    node.off('error', next).on('error', () => {})
    join(client, node)
  })
}

/** The end of one direction passes with its data; what broke breaks the other side as well. */
function join(client, node) {
  if (client.destroyed) {
    node.resetAndDestroy()
    return
  }
  for (const [from, to] of [
    [client, node],
    [node, client],
  ]) {
    from.pipe(to)
    from.once('close', (isBroken) => {
      if (isBroken) to.resetAndDestroy()
    })
  }
}
