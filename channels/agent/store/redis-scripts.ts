/**
 * What the store does inside Redis. Each script takes effect as a whole: Redis runs nothing beside it, and
 * it checks everything before its first write, because Redis takes nothing back when a script fails.
 *
 * A session is a hash (`epoch`, `seq`, and its documents by field), an index of these fields, and a stream
 * of its events, `<seq>-<ms>` each; a business is a hash and an index. A document is `<version> <JSON>`,
 * whose JSON no script looks into: Lua's would not come out as it went in.
 *
 * Time is Redis's own. A session lasts as long as its keys do; `offset`, how far the clock of a test is
 * ahead, counts as time that they have lived already.
 *
 * Redis 6.2 is enough; a cluster needs 7.
 */
import type { Script } from '../../../server/index.ts'
import { EPOCH_CHANGED } from './redis-events.ts'
import { PAGE_BYTES, RETENTION } from './store.ts'

/** KEYS: all of `SessionKeys`. ARGV[1]: `offset`, in milliseconds. */
const PRELUDE = `
local session, session_index, events, business, business_index, revision = unpack(KEYS)
local offset = tonumber(ARGV[1])

local function is_alive()
  return redis.call('PTTL', session) >= offset
end
`

const CLOCK = `
local seconds, micros = unpack(redis.call('TIME'))
local now = seconds * 1000 + math.floor(micros / 1000) + offset
`

const HISTORY = `${CLOCK}
-- A number's digits: Redis and Lua write a big one with an exponent.
local function digits(number)
  return string.format('%.0f', number)
end

-- The lowest number that is young enough to be kept; nil where none is.
local function oldest()
  local from = '-'
  while true do
    local entry = redis.call('XRANGE', events, from, '+', 'COUNT', 1)[1]
    if not entry then return nil end
    local seq, at = string.match(entry[1], '(%d+)-(%d+)')
    if now - at <= ${RETENTION.eventMs} then return tonumber(seq) end
    from = digits(seq + 1)
  end
end
`

/**
 * ARGV[2] to ARGV[6]: an epoch in case that the session needs another; the epoch, number and time of the newest
 * event that the node knows of (none: the number is 0); PUBLISH or SPUBLISH.
 */
const EPOCH = `
local new_epoch, known_epoch, known_seq, known_at, publish = unpack(ARGV, 2, 6)

-- Whether the event that the node knows is still the one of its number.
local function is_kept()
  local last = tonumber(redis.call('HGET', session, 'seq'))
  local seq = tonumber(known_seq)
  if seq > last then return false end
  local entry = redis.call('XRANGE', events, known_seq, known_seq)[1]
  if entry then return entry[1] == known_seq .. '-' .. known_at end
  return now - known_at > ${RETENTION.eventMs} or last - seq >= ${RETENTION.events}
end

-- The epoch of a session that lives. Where Redis came back with an older copy of it, what it lost has been told
-- and its numbers are given again: then the epoch becomes another one.
local function current_epoch()
  local epoch = redis.call('HGET', session, 'epoch')
  if epoch ~= known_epoch or is_kept() then return epoch end
  redis.call('HSET', session, 'epoch', new_epoch)
  redis.call(publish, events, '${EPOCH_CHANGED}')
  return new_epoch
end
`

const ACTIVITY = `
-- Begins the session where it does not live. Returns its epoch.
local function begin(lives)
  if lives then return current_epoch() end
  if redis.call('EXISTS', session, session_index, events) > 0 then
    redis.call('UNLINK', session, session_index, events)
  end
  redis.call('HSET', session, 'epoch', new_epoch, 'seq', 0)
  return new_epoch
end

-- Counts as activity.
local function touch()
  for _, key in ipairs({ session, session_index, events }) do
    redis.call('PEXPIRE', key, ${RETENTION.sessionMs} + offset)
  end
end
`

/** ARGV: offset. Returns the time, in milliseconds since 1970. */
export const NOW: Script = {
  name: 'agent-store-now',
  lua: `${PRELUDE}${CLOCK}
return now
`,
}

/**
 * ARGV: offset, what EPOCH takes. Returns `[epoch, seq, oldestSeq, at]`: the time of the newest event, 0 where it
 * is not kept.
 */
export const OPEN: Script = {
  name: 'agent-store-open',
  lua: `${PRELUDE}${HISTORY}${EPOCH}${ACTIVITY}
local epoch = begin(is_alive())
touch()
local seq = tonumber(redis.call('HGET', session, 'seq'))
local first = oldest() or seq + 1
redis.call('XTRIM', events, 'MINID', digits(first))
local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
return { epoch, seq, first, newest and tonumber(string.match(newest[1], '%d+$')) or 0 }
`,
}

/** ARGV: offset, scope, field. Returns the document as it is kept, or nil. */
export const GET: Script = {
  name: 'agent-store-get',
  lua: `${PRELUDE}
if ARGV[2] == 'business' then return redis.call('HGET', business, ARGV[3]) end
return is_alive() and redis.call('HGET', session, ARGV[3])
`,
}

/**
 * ARGV: offset, scope, what ZRANGE takes. Returns `[fields, documents as they are kept]`, as far as a page goes.
 */
export const LIST: Script = {
  name: 'agent-store-list',
  lua: `${PRELUDE}
local documents, index = business, business_index
if ARGV[2] == 'session' then
  if not is_alive() then return { {}, {} } end
  documents, index = session, session_index
end
local fields, values, bytes = {}, {}, 0
for _, field in ipairs(redis.call('ZRANGE', index, unpack(ARGV, 3))) do
  local value = redis.call('HGET', documents, field)
  bytes = bytes + #value
  if bytes > ${PAGE_BYTES} and #values > 0 then break end
  fields[#fields + 1], values[#values + 1] = field, value
end
return { fields, values }
`,
}

/** ARGV: offset, scope, the bounds of an index that ZLEXCOUNT takes. Returns how many documents are between. */
export const COUNT: Script = {
  name: 'agent-store-count',
  lua: `${PRELUDE}
if ARGV[2] == 'business' then return redis.call('ZLEXCOUNT', business_index, ARGV[3], ARGV[4]) end
return is_alive() and redis.call('ZLEXCOUNT', session_index, ARGV[3], ARGV[4]) or 0
`,
}

/**
 * ARGV: offset, what EPOCH takes, the lowest number asked for, a limit. Returns `[epoch, entries, seq]`, as far as a
 * page goes, `seq` being the newest number; or nil where there is no session.
 */
export const EVENTS: Script = {
  name: 'agent-store-events',
  lua: `${PRELUDE}${HISTORY}${EPOCH}
if not is_alive() then return false end
local epoch = current_epoch()
local first = oldest()
if not first then return { epoch, {}, 0 } end
local from = math.max(first, tonumber(ARGV[7]))
local page, bytes = {}, 0
-- One by one: several that a page has no room for would be in memory all the same.
for _ = 1, tonumber(ARGV[8]) do
  local entry = redis.call('XRANGE', events, digits(from), '+', 'COUNT', 1)[1]
  if not entry then break end
  bytes = bytes + #entry[2][2]
  if bytes > ${PAGE_BYTES} and #page > 0 then break end
  page[#page + 1] = entry
  from = tonumber(string.match(entry[1], '^%d+')) + 1
end
return { epoch, page, tonumber(redis.call('HGET', session, 'seq')) }
`,
}

/**
 * ARGV: offset, what EPOCH takes; the time at which it is too late, or nothing; a number of expectations,
 * `scope, field, version` each; a number of documents to put, `scope, field, JSON` each; a number of documents
 * to remove, `scope, field` each; and where there is an event: itself as it is kept.
 *
 * Returns `[epoch, seq, at]` of the event, or nil where it is too late or an expectation is not met.
 */
export const COMMIT: Script = {
  name: 'agent-store-commit',
  lua: String.raw`${PRELUDE}${HISTORY}${EPOCH}${ACTIVITY}
local position = 6
local function argument()
  position = position + 1
  return ARGV[position]
end

local function home(scope)
  if scope == 'business' then return business, business_index end
  return session, session_index
end

-- Above every version that the business had, also above those that Redis lost with its newest writes.
local function next_version()
  local last = tonumber(redis.call('GET', revision) or 0)
  local version = digits(math.max(last + 1, seconds * 1000000 + micros))
  redis.call('SET', revision, version, 'PX', ${RETENTION.sessionMs})
  return version
end

local before = argument()
if before ~= '' and now >= tonumber(before) then return false end
local lives = is_alive()
for _ = 1, tonumber(argument()) do
  local documents = home(argument())
  local field = argument()
  local document = (lives or documents == business) and redis.call('HGET', documents, field)
  local version = document and string.match(document, '^%d+') or '0'
  if version ~= argument() then return false end
end

local epoch = begin(lives)
local puts = tonumber(argument())
local version = puts > 0 and next_version()
for _ = 1, puts do
  local documents, index = home(argument())
  local field = argument()
  if redis.call('HSET', documents, field, version .. ' ' .. argument()) == 1 then
    redis.call('ZADD', index, 0, field)
  end
end
for _ = 1, tonumber(argument()) do
  local documents, index = home(argument())
  local field = argument()
  redis.call('HDEL', documents, field)
  redis.call('ZREM', index, field)
end

local seq = 0
local event = argument()
if event then
  seq = redis.call('HINCRBY', session, 'seq', 1)
  local id = digits(seq) .. '-' .. digits(now)
  redis.call('XADD', events, 'MAXLEN', ${RETENTION.events}, id, 'event', event)
  redis.call('XTRIM', events, 'MINID', digits(oldest()))
  redis.call(publish, events, id .. '\n' .. epoch .. '\n' .. event)
end
touch()
return { epoch, seq, now }
`,
}
