package cache

import (
	"math/rand/v2"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// A key holds one of
//
//	b<fill><checksum><content>  a body (value.go); fill is the fill's own random number
//	l<token>                    a lease: the holder of token is reading the database and may fill
//	d<token>:<ms>[,…]           a mark: these writes are under way; each until its own time (Unix, ms, Redis's clock)
//
// Why a mark holds several tokens. A chat's body has one writer at a time, which holds the chat's row lock. A list of chats
// has several: writers of different chats share the key of a common member, and no lock orders them. With room for one
// token, writer B would overwrite the mark of writer A, and B's finish would open the key while A is yet to commit: a
// reader could fill what A is about to replace, and if A then dies before its own finish, that stays for a whole TTL.
// So each writer adds its token and removes only its own; the key opens when the last one is gone. Each token has
// an expiry of its own, so that one dead writer among many live ones does not keep the key shut for ever.
//
// Every script is safe to run late or twice (a client that gave up may still have sent it): mark and finish only remove
// bodies, lease never replaces anything, fill needs a lease that still exists.

// get reads the key. A value that is not a string was not written by the cache; it is deleted, or every script would fail for good.
const get = `
local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' then
  redis.call('DEL', KEYS[1])
  value = false
end`

// marks is the part that mark and finish share: it reads the tokens of a mark that have not run out, except those
// that drop names, and the latest of their times.
const marks = `
local function live(value, now, drop)
  local kept, last = {}, 0
  for token, ms in string.gmatch(string.sub(value, 2), '([%w*]+):(%d+)') do
    if tonumber(ms) > now and not drop[token] then
      kept[#kept + 1] = token .. ':' .. ms
      last = math.max(last, tonumber(ms))
    end
  end
  return kept, last
end
local function store(kept, px)
  -- DEL first: it frees the body's memory, and after it Redis lets the script go on although maxmemory is reached. A
  -- mark that fails for lack of memory would leave the body that it has to remove.
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[1], 'd' .. table.concat(kept, ','), 'PX', string.format('%.0f', px))
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
` + get + `
local marked = value and string.sub(value, 1, 1) == 'd'
`

// markScript: ARGV = token, time to live in ms, how many tokens there may be. Over that number the writer's token is
// replaced by '*', which no writer removes: it expires.
var markScript = redis.NewScript(marks + `
local token, ttl, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local kept, last = {}, 0
if marked then
  kept, last = live(value, now, {[token] = true})
  if #kept >= room then
    token = '*'
    kept, last = live(value, now, {['*'] = true})
  end
end
kept[#kept + 1] = token .. ':' .. string.format('%.0f', now + ttl)
store(kept, math.max(last - now, ttl))
return #kept
`)

// finishScript: ARGV = tokens. A key that is not a mark holds what came in after this mark was lost or expired (a body that may
// be older than our write, or the lease of a reader whose snapshot may be): it is deleted. Without tokens this deletes
// anything except a mark.
var finishScript = redis.NewScript(marks + `
if not value then return 0 end
if not marked then return redis.call('DEL', KEYS[1]) end
local drop = {}
for _, token in ipairs(ARGV) do drop[token] = true end
local kept, last = live(value, now, drop)
if #kept == 0 then return redis.call('DEL', KEYS[1]) end
store(kept, last - now)
return 0
`)

// leaseScript: ARGV = token, time to live in ms. Returns what is there, or nil when the lease was taken. An empty value counts as absent:
// readers of headers cannot tell them apart.
var leaseScript = redis.NewScript(get + `
if value and value ~= '' then return value end
redis.call('SET', KEYS[1], 'l' .. ARGV[1], 'PX', ARGV[2])
return false
`)

// fillScript: ARGV = token, value, time to live in ms. Returns 1 when the lease still existed.
var fillScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= 'l' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`)

// releaseScript: ARGV = token. Gives an unused lease back.
var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= 'l' .. ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

// newToken names one lease or one mark. 64 random bits: tokens only have to differ from the few that are on the same key at the
// same time.
func newToken() string { return strconv.FormatUint(rand.Uint64(), 36) }

// newFillID names one fill. 64 random bits: it only has to differ from the fills that other processes still have of the same key.
func newFillID() fillID { return fillID(rand.Uint64()) }
