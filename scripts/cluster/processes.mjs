/** Processes that this one starts, and sees to it that none outlives it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** What was started and has not ended: `{ name, child, ended }`. */
const running = new Set()
let isStopping = false

process.on('exit', () => {
  for (const { child } of running) child.kill('SIGKILL')
})

/** Its message is one line for whoever called. */
export class Refusal extends Error {}

/**
 * Starts a process and waits for its standard output to match `ready`; resolves with the match. In a process
 * group of its own: a Ctrl-C reaches this process alone, which then ends the others in order.
 */
export async function start(name, command, args, { cwd, env, ready }) {
  if (isStopping) throw new Refusal(`${name} was not started`)
  const stdio = ['ignore', 'pipe', 'inherit']
  const child = spawn(command, args, { cwd, env, stdio, detached: true })
  if (child.pid === undefined) throw (await once(child, 'error'))[0]
  const ended = once(child, 'close')
  const own = { name, child, ended }
  running.add(own)
  let output = ''
  const isReady = new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      // What comes later is read, too: a full pipe would stop it.
      if (!ready.test(output)) output += text
      if (ready.test(output)) resolve()
    })
  })
  ended.then(([code, signal]) => {
    running.delete(own)
    if (!ready.test(output) || (isStopping && code === 0)) return
    console.log(`${name}, pid ${child.pid}, has ended: ${signal ?? `exit code ${code}`}`)
  })
  await Promise.race([isReady, ended])
  const match = ready.exec(output)
  if (!match) throw new Refusal(`${name} did not start`)
  return { pid: child.pid, match }
}

/**
 * SIGTERM to all, and to the one named `last` when the others have ended. Resolves when it has, too. What was
 * paused goes on: it could not end.
 */
export async function stop(last) {
  isStopping = true
  for (const { child } of running) child.kill('SIGCONT')
  const groups = [[], []]
  for (const each of running) groups[Number(each.name === last)].push(each)
  for (const group of groups) {
    for (const { child } of group) child.kill('SIGTERM')
    await Promise.all(group.map(({ ended }) => ended))
  }
}
