import { agent } from './work/agent.ts'
import { Load } from './work/context.ts'
import { growth } from './work/growth.ts'
import { steps } from './work/steps.ts'
import { echo } from './work/echo.ts'
import { fanOut } from './work/fan-out.ts'
import { loop } from './work/loop.ts'
import { joins } from './work/joins.ts'
import { idle } from './work/idle.ts'
import { crossNode } from './work/cross-node.ts'
const all = {agent, growth, steps,echo,fanOut,loop,joins,idle,crossNode}
const load = new Load()
const scale = { rounds: 2, turnMs: 500, subscribers: 1000, idle: 9000 }
for (const w of process.argv.slice(2)) { const t=Date.now(); const o = await (all as any)[w]({ load, scale }); for (const r of o.rows) console.log(r.work.padEnd(45), r.who.padEnd(30), r.figure.toFixed(2), r.unit, r.ratio?.toFixed(2)); for (const g of o.goals) console.log(g.work, '|', g.goal,'|', g.measured,'|', g.met); console.log(w, Date.now()-t) }
load.stop()
process.exit()
