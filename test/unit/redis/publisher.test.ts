import { expect } from 'chai'
import { afterEach, beforeEach, describe, it } from 'mocha'
import { Link } from '../../../server/redis/link.ts'
import { Publisher } from '../../../server/redis/publisher.ts'
import { rejectionMessage } from '../../support/rejection.ts'
import { FakeConnection, turn } from './fake-connection.ts'

describe('the Redis publisher', () => {
  let connection: FakeConnection
  let link: Link
  let publisher: Publisher

  beforeEach(() => {
    link = new Link(
      (events) => {
        connection = new FakeConnection(events)
        return connection
      },
      { up: () => publisher.flush(), down() {}, error() {}, message() {}, moved() {} },
    )
    publisher = new Publisher(link, 'PUBLISH')
  })

  afterEach(async () => {
    connection.events.lost(undefined)
    for (const { fail } of connection.sent.unclaimed.splice(0)) fail('Error', 'closed')
    await publisher.close()
    await link.close()
  })

  function publish(...texts: string[]): Promise<void>[] {
    return texts.map((text) => publisher.publish('ch', Buffer.from(text)))
  }

  async function answer(): Promise<void> {
    for (const { answer } of connection.sent.unclaimed.splice(0)) answer(1)
    await turn()
  }

  it('sends what is published in one turn together, and what comes meanwhile after it', async () => {
    connection.events.ready()
    const first = publish('1', '2')
    await turn()
    const second = publish('3', '4')
    await turn()
    expect(connection.commands).to.deep.equal(['PUBLISH ch 1', 'PUBLISH ch 2'])
    expect(publisher.size).to.equal(2)
    await answer()
    await Promise.all(first)
    expect(connection.commands).to.deep.equal(['PUBLISH ch 3', 'PUBLISH ch 4'])
    await answer()
    await Promise.all(second)
    expect(publisher.size).to.equal(0)
  })

  it('keeps what is published while there is no connection, and sends it in order', async () => {
    connection.events.ready()
    connection.events.lost(undefined)
    const held = publish('1', '2')
    await turn()
    expect(connection.commands).to.deep.equal([])
    connection.events.ready()
    await turn()
    expect(connection.commands).to.deep.equal(['PUBLISH ch 1', 'PUBLISH ch 2'])
    await answer()
    await Promise.all(held)
  })

  it('does not send again what was on its way when the connection was lost', async () => {
    connection.events.ready()
    const [lost] = publish('1')
    await turn()
    const [kept] = publish('2')
    connection.events.lost(undefined)
    for (const { fail } of connection.sent.unclaimed.splice(0)) fail('Error', 'closed')
    expect(await rejectionMessage(lost as Promise<void>)).to.equal('closed')
    connection.events.ready()
    await turn()
    expect(connection.commands).to.deep.equal(['PUBLISH ch 2'])
    await answer()
    await kept
  })

  it('rejects one message that Redis refuses, and sends the others', async () => {
    connection.events.ready()
    const [bad, good] = publish('1', '2')
    await turn()
    const [first, second] = connection.sent.unclaimed.splice(0)
    first?.fail('ReplyError', 'NOPERM no')
    second?.answer(1)
    expect(await rejectionMessage(bad as Promise<void>)).to.equal('NOPERM no')
    await good
  })

  it('refuses what would be too much to keep', async () => {
    connection.events.lost(undefined)
    const large = Buffer.alloc(32 * 1024 * 1024)
    const held = [1, 2].map(() => publisher.publish('ch', large).catch(() => 'dropped'))
    expect(await rejectionMessage(publisher.publish('ch', Buffer.from('x')))).to.match(/too much/)
    await publisher.close()
    expect(await Promise.all(held)).to.deep.equal(['dropped', 'dropped'])
  })

  it('sends what waits before it is closed', async () => {
    connection.events.ready()
    const sent = publish('1')
    const closed = publisher.close()
    await turn()
    expect(connection.commands).to.deep.equal(['PUBLISH ch 1'])
    await answer()
    await Promise.all([...sent, closed])
  })
})
