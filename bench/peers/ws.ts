/** `ws`, the usual WebSocket library of Node, used plainly. */
import { WebSocketServer } from 'ws'
import { serveBench } from './serve.ts'

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })

server.on('connection', (socket, request) => {
  socket.on('error', () => undefined)
  socket.on('message', (data, isBinary) => {
    if (request.url === '/echo') socket.send(data, { binary: isBinary })
    else for (const client of server.clients) client.send(data, { binary: isBinary })
  })
})

server.on('listening', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') serveBench(address.port)
})
