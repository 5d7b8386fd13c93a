-- rate_limiter: a bucket of tokens, filled at a steady rate; each call takes one, and waits if there is none.

local async = require "lacuna"
local await = async.await

local RateLimiter = {}
RateLimiter.__index = RateLimiter

local function rate_limiter(rate, per_seconds)
  local now = async.get_running_loop():time()
  return setmetatable({
    rate = rate, per_seconds = per_seconds, tokens = rate, updated_at = now, lock = async.Lock(),
  }, RateLimiter)
end

RateLimiter.acquire = async(function(self)
  async.with(self.lock, function()
    local loop = async.get_running_loop()
    local now = loop:time()
    self.tokens = math.min(self.rate, self.tokens + (now - self.updated_at) * self.rate / self.per_seconds)
    self.updated_at = now
    if self.tokens < 1 then
      await(async.sleep((1 - self.tokens) * self.per_seconds / self.rate))
      self.tokens, self.updated_at = 1, loop:time() -- what came in while it slept is the one it takes now
    end
    self.tokens = self.tokens - 1
  end)
end)

local limiter = rate_limiter(3, 1.5) -- 3 calls in 1.5 s
local loop = async.get_running_loop()
local began = loop:time()

local call = async(function(number)
  await(limiter:acquire())
  print(("call %d at %.1f s"):format(number, loop:time() - began))
end)

local calls = {}
for number = 1, 8 do calls[number] = call(number) end
await(async.gather(calls))
