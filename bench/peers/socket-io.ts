/** Socket.IO with rooms and acknowledgements, and its Redis adapter where there is a Redis. */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { serveBench } from './serve.ts'

const url = process.env['REDIS_URL']
const http = createServer()
const io = new Server(http, { transports: ['websocket'], pingInterval: 600_000 })
if (url !== undefined) {
  const redis = new Redis(url)
  io.adapter(createAdapter(redis, redis.duplicate()))
}

io.on('connection', (socket) => {
  socket.on('echo', (payload: unknown, answer: (payload: unknown) => void) => answer(payload))
  socket.on('join', async (room: string, answer: () => void) => {
    await socket.join(room)
    answer()
  })
  socket.on('shout', (room: string, payload: unknown) => io.to(room).emit('shout', payload))
})

http.listen(0, '127.0.0.1', () => {
  const address = http.address()
  if (address !== null && typeof address === 'object') serveBench(address.port)
})
