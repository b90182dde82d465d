import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { after, afterEach, before, describe, it } from 'mocha'
import { Socket } from 'phoenix'
import { WebSocket } from 'ws'
import { type Certificate, makeCertificate } from '../support/certificate.ts'
import { within } from '../support/deadline.ts'
import { ask } from '../support/http.ts'
import { rejectionMessage } from '../support/rejection.ts'
import { start, stopNodes, stubApp } from './stub-node.ts'

const PATIENCE_MS = 10_000

describe('a node with TLS_CERT and TLS_KEY', () => {
  let directory = ''
  let own: Certificate
  let other: Certificate

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'tls-'))
    own = makeCertificate(directory)
    other = makeCertificate(directory, 'other')
  })
  after(() => rmSync(directory, { recursive: true }))
  afterEach(stopNodes)

  const startSecure = (cert = own.cert, key = own.key) => {
    const stub = stubApp()
    return { stub, starting: start({ TLS_CERT: cert, TLS_KEY: key }, stub.create) }
  }

  it('says https and wss, and answers there', async () => {
    const node = await startSecure().starting
    expect(node.url).to.match(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(node.webSocketUrl).to.equal(`${node.url.replace('https', 'wss')}/socket/websocket`)
    const body = new Promise<string>((resolve, reject) => {
      const asked = get(`${node.url}/readyz`, { ca: own.ca, agent: false }, (answer) =>
        resolve(text(answer)),
      )
      asked.once('error', reject)
    })
    expect(await within(body, PATIENCE_MS, 'an answer')).to.equal('{"status":"ok"}')
  })

  it('serves the official client over wss', async () => {
    const node = await startSecure().starting
    class Trusting extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, { ca: own.ca })
      }
    }
    const url = node.webSocketUrl.replace(/\/websocket$/, '')
    const socket = new Socket(url, { transport: Trusting as never })
    socket.connect()
    try {
      const joined = new Promise((resolve, reject) => {
        const channel = socket.channel('room:1')
        channel.join().receive('ok', () => {
          channel.push('echo', { n: 1 }).receive('ok', resolve).receive('error', reject)
        })
      })
      expect(await within(joined, PATIENCE_MS, 'an answer')).to.deep.equal({ n: 1 })
    } finally {
      await new Promise<void>((resolve) => socket.disconnect(resolve))
    }
  })

  it('lets pages of its own https host in', async () => {
    const { stub, starting } = startSecure()
    const node = await starting
    const origin = node.url.replace('127.0.0.1', 'localhost')
    const client = new WebSocket(node.webSocketUrl, { ca: own.ca, origin })
    await within(new Promise((resolve) => client.once('open', resolve)), PATIENCE_MS, 'the page')
    client.terminate()
    expect(stub.connects).to.have.length(1)
  })

  it('serves nobody in the clear', async () => {
    const node = await startSecure().starting
    expect(await rejectionMessage(ask(node.url.replace('https', 'http')))).to.match(
      /hang up|ECONNRESET/,
    )
  })

  const refusals: Record<string, () => readonly [cert: string, key: string, message: RegExp]> = {
    'a file that is not there': () => [join(directory, 'none'), own.key, /^TLS_CERT: .*ENOENT$/],
    'a key that is not there': () => [own.cert, join(directory, 'none'), /^TLS_KEY: .*ENOENT$/],
    'a directory': () => [directory, own.key, /^TLS_CERT: .*EISDIR$/],
    garbage: () => [join(directory, 'garbage'), own.key, /^TLS_CERT and TLS_KEY are no/],
    'the key of another certificate': () => [own.cert, other.key, /^TLS_CERT and TLS_KEY are no/],
    'one for the other': () => [own.key, own.cert, /^TLS_CERT and TLS_KEY are no/],
  }
  for (const [what, files] of Object.entries(refusals)) {
    it(`does not start with ${what}, and says so in one line`, async () => {
      writeFileSync(join(directory, 'garbage'), '-----BEGIN CERTIFICATE-----\nnone\n')
      const [cert, key, message] = files()
      const { stub, starting } = startSecure(cert, key)
      expect(await rejectionMessage(starting))
        .to.match(message)
        .and.not.match(/[\r\n]/)
      expect(stub.options).to.equal(undefined)
    })
  }
})
