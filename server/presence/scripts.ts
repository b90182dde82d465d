/**
 * What Redis keeps of presence: `nodes`, a hash of node → `<end of its lease>:<its last step>`, and for each
 * node a hash of phx_ref → entry that ends with the lease. Times are Redis's own, in milliseconds, so that
 * no two clocks have to agree. Each step of a node is one script: it is there whole or not at all.
 */
import type { Script } from '../redis/redis.ts'

const COMMON = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function parse(row)
  local till, seq = string.match(row or '', '^(%d+):(%d+)$')
  if till and tonumber(till) > now then return tonumber(till), seq end
end
local function renew(node, lease, seq)
  local till = string.format('%.0f', now + lease)
  redis.call('HSET', KEYS[1], node, till .. ':' .. seq)
  redis.call('PEXPIREAT', KEYS[1], till)
  redis.call('PEXPIREAT', KEYS[2], till)
end
`

/**
 * KEYS: nodes, this node's entries. ARGV: node, lease, step, the step before it or '' to write all anew,
 * then phx_ref and entry in turn, '' for one that left. Answers 1, or 0 where Redis is not at the step before:
 * the lease ended or data was lost; or where this very call comes too late, overtaken by a newer one.
 */
export const WRITE: Script = {
  name: 'presence_write',
  lua: `${COMMON}
local _, seq = parse(redis.call('HGET', KEYS[1], ARGV[1]))
if ARGV[4] == '' then
  if seq and tonumber(seq) >= tonumber(ARGV[3]) then return 0 end
  redis.call('DEL', KEYS[2])
elseif seq ~= ARGV[4] then
  return 0
end
for i = 5, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
renew(ARGV[1], ARGV[2], ARGV[3])
return 1
`,
}

/**
 * KEYS: nodes, this node's entries. ARGV: node, lease, step. Renews the lease and answers who lives: node,
 * what is left of its lease, its last step, and so on; nil where Redis is not at this node's step. Nodes
 * whose lease has ended are removed.
 */
export const BEAT: Script = {
  name: 'presence_beat',
  lua: `${COMMON}
local _, seq = parse(redis.call('HGET', KEYS[1], ARGV[1]))
if seq ~= ARGV[3] then return false end
renew(ARGV[1], ARGV[2], seq)
local rows = redis.call('HGETALL', KEYS[1])
local living = {}
for i = 1, #rows, 2 do
  local till, step = parse(rows[i + 1])
  if not till then
    redis.call('HDEL', KEYS[1], rows[i])
  elseif rows[i] ~= ARGV[1] then
    living[#living + 1] = rows[i]
    living[#living + 1] = till - now
    living[#living + 1] = step
  end
end
return living
`,
}

/** KEYS: nodes, a node's entries. ARGV: that node. Answers its last step, then entries; nil if it is dead. */
export const READ: Script = {
  name: 'presence_read',
  lua: `${COMMON}
local _, seq = parse(redis.call('HGET', KEYS[1], ARGV[1]))
if not seq then return false end
local answer = redis.call('HVALS', KEYS[2])
table.insert(answer, 1, seq)
return answer
`,
}

/** KEYS: nodes, this node's entries. ARGV: this node. */
export const LEAVE: Script = {
  name: 'presence_leave',
  lua: `
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('DEL', KEYS[2])
`,
}
