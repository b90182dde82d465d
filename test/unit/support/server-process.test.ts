import { expect } from 'chai'
import { describe, it } from 'mocha'
import { rejectionMessage } from '../../support/rejection.ts'
import { isAlive, startProcess } from '../../support/server-process.ts'

const URL_LINE = /listening on (\S+)/
const STAY = 'setInterval(() => {}, 1000);'
const SAY = "console.log('listening on http://127.0.0.1:4100/');"

function start(script: string, env: Record<string, string> = {}, readyMs?: number) {
  const limit = readyMs === undefined ? {} : { readyMs }
  return startProcess({ args: ['-e', script], env, ready: URL_LINE, ...limit })
}

describe('a server process', () => {
  it('is ready with the URL that it says, and keeps what it wrote', async () => {
    const server = await start(`console.error('careful'); ${SAY} ${STAY}`)
    expect(server.url).to.equal('http://127.0.0.1:4100/')
    expect(isAlive(server.pid)).to.equal(true)
    await server.kill9()
    expect(server.output()).to.include('careful\n').and.to.include('listening on')
  })

  it('is not ready with half a line', async () => {
    const halves = "process.stdout.write('listening on http://127', () => setImmediate(rest));"
    const rest = "const rest = () => process.stdout.write('.0.0.1:4100/\\n');"
    const server = await start(`${rest} ${halves} ${STAY}`)
    expect(server.url).to.equal('http://127.0.0.1:4100/')
    await server.kill9()
  })

  it('gets the environment that it is given, and none of the test run', async () => {
    process.env['LEAKED'] = 'by the test run'
    const script = "console.log('listening on ' + [process.env.GIVEN, process.env.LEAKED]);"
    const server = await start(`${script} ${STAY}`, { GIVEN: 'g' })
    delete process.env['LEAKED']
    expect(server.url).to.equal('g,')
    await server.kill9()
  })

  it('stops by SIGTERM, or by the signal it is sent, and tells how it ended', async () => {
    const polite = await start(`process.on('SIGTERM', () => process.exit(3)); ${SAY} ${STAY}`)
    expect(await polite.stop()).to.deep.equal({ code: 3, signal: null })
    expect(await polite.stop(), 'a second time').to.deep.equal({ code: 3, signal: null })
    const plain = await start(`${SAY} ${STAY}`)
    expect(await plain.stop('SIGINT')).to.deep.equal({ code: null, signal: 'SIGINT' })
  })

  it('is gone after kill9, whatever it thinks of signals', async () => {
    const stubborn = await start(`process.on('SIGTERM', () => {}); ${SAY} ${STAY}`)
    await stubborn.kill9()
    expect(isAlive(stubborn.pid)).to.equal(false)
  })

  it('that ends before it is ready is an error with its code and its output', async () => {
    const error = await rejectionMessage(start("console.error('port taken'); process.exit(7)"))
    expect(error).to.include('ended with 7').and.to.include('port taken')
  })

  it('that is not ready in time is an error with its output, and killed', async () => {
    const error = await rejectionMessage(
      start(`console.log('pid', process.pid); ${STAY}`, {}, 2000),
    )
    expect(error).to.include('not within 2000 ms')
    const [, pid] = error.match(/pid (\d+)/) ?? []
    expect(Number(pid)).to.be.above(0)
    expect(isAlive(Number(pid))).to.equal(false)
  })
})
