-- take of rate.go: KEYS[1] is the bucket, ARGV what the permits cost and what the bucket may owe, in microseconds.
-- Returns how long to wait, in microseconds; when the permits were taken, minus what the bucket owes now. A take of nothing (cost 0) takes the same path.
local cost, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

-- pcall: a value that is not a string was not written by the limiter. SET will replace it; an error would make the bucket fail for good.
local stored = redis.pcall('GET', KEYS[1])
local tat = type(stored) == 'string' and tonumber(stored) or now

local next = math.min(math.max(tat, now), now + most) + cost
local wait = next - now - most
if wait > 0 then return wait end

-- Once the time has come the bucket is full, and full is what a missing key means. Rounded up: never sooner.
local ttl = math.max(1, math.ceil((next - now) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', string.format('%.0f', ttl))
return now - next
