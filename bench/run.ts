import { agent } from './work/agent.ts'
import { Load } from './work/context.ts'
const load = new Load()
const scale = { rounds: 2, turnMs: 1000, subscribers: 1000, idle: 9000 }
for (const w of [agent]) console.log(JSON.stringify(await w({ load, scale }), null, 1))
load.stop()
process.exit()
