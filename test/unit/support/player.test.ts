import { expect } from 'chai'
import { afterEach, describe, it } from 'mocha'
import type { WebSocket } from 'ws'
import { play } from '../../conformance/player.ts'
import type { FrameRecord, Observed, Scenario } from '../../conformance/scenario.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { type FakeServer, startFake } from './fake-server.ts'

/** Where a saved token goes. */
const saved = (name: string) => `\${${name}}`
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** Says what it got, byte for byte. */
function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
}

describe('the player', () => {
  let server: FakeServer | undefined

  afterEach(() => server?.close())

  async function played(
    part: Partial<Scenario>,
    ...behaviour: Parameters<typeof startFake>
  ): Promise<Observed> {
    server = await startFake(...behaviour)
    const scenario = { name: 'n', about: 'a', vsn: '2.0.0', connectParams: {}, steps: [], ...part }
    return play(scenario, server.url)
  }

  it('records each frame with the step after which it came', async () => {
    const { connections } = await played(
      {
        steps: [
          { send: 'text' },
          { send: { binary: base64('bytes') } },
          { send: { textBytes: base64('text of bytes') } },
          { send: { prefix: '<', repeat: 'ab', times: 3, suffix: '>' } },
          { send: { fragments: ['in ', 'two'] } },
          { send: { fragments: [{ binary: base64('in ') }, { binary: base64('two') }] } },
          { ping: 'ping' },
        ],
      },
      (socket) => {
        socket.send('at once')
        echo(socket)
      },
    )
    const frames: FrameRecord[] = [
      { afterStep: -1, text: 'at once' },
      { afterStep: 0, text: 'text' },
      { afterStep: 1, binary: base64('bytes') },
      { afterStep: 2, text: 'text of bytes' },
      { afterStep: 3, text: '<ababab>' },
      { afterStep: 4, text: 'in two' },
      { afterStep: 5, binary: base64('in two') },
      { afterStep: 6, pong: 'ping' },
    ]
    expect(connections['a']).to.deep.include({ frames, close: null })
    expect(connections['a']?.open?.status).to.equal(101)
  })

  it('takes no silence for the end of a step before what is due has come', async () => {
    const late = (socket: WebSocket) =>
      socket.on('message', () => setTimeout(() => socket.send('late'), 300))
    server = await startFake(late)
    const scenario = { name: 'n', about: 'a', vsn: '2.0.0', connectParams: {} }
    const steps = [{ send: 'x' }, { ping: 'y' }]
    const frames = [
      { afterStep: 0, text: 'late' },
      { afterStep: 1, pong: 'y' },
    ]
    const due = { connections: { a: { open: null, frames, close: null } } }
    const { connections } = await play({ ...scenario, steps }, server.url, [due])
    expect(connections['a']?.frames).to.deep.equal(frames)
  })

  it('records pings of the server, and that it ended the connection', async () => {
    const { connections } = await played(
      { steps: [{ pong: 'now' }, { waitClose: 'a' }, { send: 'too late' }] },
      (socket) => {
        socket.on('pong', (data) => {
          socket.ping(data)
          socket.close(1011, 'why')
        })
      },
    )
    expect(connections['a']).to.deep.include({
      frames: [{ afterStep: 0, ping: 'now' }],
      close: { afterStep: 0, code: 1011, reason: 'why' },
      notSent: [2],
    })
  })

  it('closes and cuts connections as it is told, and records no other end', async () => {
    const { connections } = await played(
      {
        connections: { a: {}, b: {}, c: {} },
        steps: [
          { close: { code: 4000, reason: 'mine' } },
          { waitClose: 'a' },
          { on: 'b', terminate: true },
          { waitClose: 'c', timeoutMs: 5 },
        ],
      },
      echo,
    )
    expect(connections['a']?.close).to.deep.equal({ afterStep: 0, code: 4000, reason: 'mine' })
    expect(connections['b']?.close).to.deep.include({ afterStep: 2, code: 1006 })
    expect(connections['c']?.close).to.equal(null)
  })

  it('puts raw bytes on the stream', async () => {
    const { connections } = await played(
      {
        connections: { a: {}, b: {} },
        // A masked text frame `x`; then one with a reserved bit, which is none.
        steps: [
          { raw: 'gYEAAAAAeA==' },
          { rawFill: { first: 0x81, size: 3 } },
          { on: 'b', raw: 'oYEAAAAAeA==' },
        ],
      },
      echo,
    )
    expect(connections['a']?.frames).to.deep.equal([
      { afterStep: 0, text: 'x' },
      { afterStep: 1, text: '   ' },
    ])
    expect(connections['b']?.close?.code).to.equal(1002)
  })

  it('opens connections in their order, with what the plan says, some of them later', async () => {
    const opened: unknown[] = []
    await played(
      {
        connectParams: { user_id: '1' },
        connections: {
          a: {},
          late: { params: { x: 'y z' }, headers: { origin: 'http://x' } },
          b: { vsn: null, path: '/strict/websocket' },
          c: { query: 'vsn=1.0.0&vsn=2.0.0' },
        },
        steps: [{ open: 'late' }],
      },
      (_socket, { url, headers }) => opened.push([url, headers.origin]),
    )
    expect(opened).to.deep.equal([
      ['/socket/websocket?user_id=1&vsn=2.0.0', undefined],
      ['/strict/websocket?user_id=1', undefined],
      ['/socket/websocket?vsn=1.0.0&vsn=2.0.0', undefined],
      ['/socket/websocket?user_id=1&x=y+z&vsn=2.0.0', 'http://x'],
    ])
  })

  it('records a refused handshake with its body, and goes on', async () => {
    const { connections } = await played(
      { connectParams: { reject: 'true' }, steps: [{ send: 'x' }] },
      echo,
    )
    const record = connections['a']
    expect(record?.open).to.deep.include({ status: 403, body: 'no' })
    expect(record).to.deep.include({ frames: [], close: null, notSent: [0] })
  })

  it('names presence refs by their first appearance', async () => {
    const metas = [{ phx_ref: 'F1', phx_ref_prev: 'F0' }, { phx_ref: 'F0' }]
    const { connections } = await played({}, (socket) => socket.send(JSON.stringify(metas)))
    const named = [
      { phx_ref: '<phx_ref:1>', phx_ref_prev: '<phx_ref:2>' },
      { phx_ref: '<phx_ref:2>' },
    ]
    const frames = [{ afterStep: -1, text: JSON.stringify(named) }]
    expect(connections['a']?.frames).to.deep.equal(frames)
  })

  it('keeps tokens, fills them into requests and hides them in answers', async () => {
    const seen: unknown[] = []
    const { connections, http } = await played(
      {
        connections: {},
        steps: [
          { http: { path: '/start', save: 't' } },
          {
            http: {
              method: 'POST',
              path: `/poll?token=${saved('t')}`,
              headers: { 'x-token': saved('t'), 'x-none': saved('other') },
              body: `body ${saved('t')} `,
              repeatBody: 2,
            },
          },
        ],
      },
      echo,
      (request, response) => {
        let body = ''
        request.setEncoding('utf8').on('data', (part) => {
          body += part
        })
        request.on('end', () => {
          const { url, headers } = request
          seen.push([url, headers['x-token'], headers['x-none'], headers['content-length'], body])
          response.end('{"token":"secret"}')
        })
      },
    )
    expect(seen).to.deep.equal([
      ['/start', undefined, undefined, undefined, ''],
      ['/poll?token=secret', 'secret', 'no-token-other', '24', 'body secret body secret '],
    ])
    expect(connections).to.deep.equal({})
    expect(http?.map(({ step, status, body }) => [step, status, body])).to.deep.equal([
      [0, 200, '{"token":"<token:t>"}'],
      [1, 200, '{"token":"<token:t>"}'],
    ])
    expect(http?.[0]?.headers).to.include({ 'content-length': '<n>' }).and.not.have.property('date')
  })

  it('goes on without an answer, waits for it later, or gives it up', async () => {
    let answer = (): void => {}
    const { http } = await played(
      {
        connections: {},
        steps: [
          { http: { path: '/slow' }, as: 'slow', async: true },
          { http: { path: '/never' }, as: 'never', async: true },
          { http: { path: '/go' } },
          { await: 'slow' },
          { abort: 'never' },
        ],
      },
      echo,
      ({ url }, response) => {
        if (url === '/slow') answer = () => response.end('late')
        if (url === '/go') response.end('gone', answer)
      },
    )
    expect(http?.map(({ as, status, body, aborted }) => [as, status, body, aborted])).to.deep.equal(
      [
        ['slow', 200, 'late', undefined],
        ['never', null, null, true],
        [undefined, 200, 'gone', undefined],
      ],
    )
  })

  it('records whole seconds until an answer, and that there was none', async () => {
    const { http } = await played(
      { connections: {}, steps: [{ http: { path: '/fast' } }, { http: { path: '/cut' } }] },
      echo,
      ({ url }, response) => {
        if (url === '/fast') response.end()
        else response.destroy()
      },
    )
    expect(http?.[0]).to.deep.include({ status: 200, tookS: 0 })
    expect(http?.[1]).to.deep.include({ status: 0, error: 'ECONNRESET' })
  })

  it('refuses a scenario that makes no sense', async () => {
    const unknown = played({ connections: {}, steps: [{ send: 'x' }] }, echo)
    expect(await rejectionMessage(unknown)).to.equal('n: a was not opened')
  })
})
