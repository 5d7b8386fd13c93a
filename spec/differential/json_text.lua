-- Random values as JSON, those that json_text.py makes. Numbers without a fraction are integers here.
local json = require "lacuna.json"

local state = 1

local function random(limit)
  state = state * 16807 % 2147483647
  return state % limit
end

local TEXTS = {
  "", "a", "key", "한글", '"quoted"', "back\\slash", "new\nline", "\0\31\127", "\b\f\r\t", "é😀", ("x"):rep(300),
}

local function plain(number)
  local size = math.abs(number)
  return size >= 2 ^ 53 and size < 1e17 and 0 or number
end

local function number()
  local kind = random(6)
  local whole = random(100000) - 50000
  if kind == 0 then return whole end
  if kind == 1 then return whole / 100 + 0.005 end
  if kind == 2 then return whole / 7 + 1 / 3 end
  if kind == 3 then
    return plain((whole + 0.5) * 10 ^ (random(40) - 20))
  end
  if kind == 4 then
    local power = 2 ^ (random(120) - 60)
    return plain(power * (1 + random(1000) / 1024))
  end
  return whole * 90071992547
end

local value

local function list(depth)
  local made = json.array()
  for i = 1, random(6) do made[i] = value(depth) end
  return made
end

local function object(depth)
  local made = {}
  for _ = 1, random(20) > 0 and random(8) or 100 do
    local text = TEXTS[random(#TEXTS) + 1]
    made[text .. random(30)] = value(depth)
  end
  return made
end

function value(depth)
  local kind = random(depth < 5 and 8 or 5)
  if kind == 0 then return json.null end
  if kind == 1 then return random(2) == 1 end
  if kind == 2 then return TEXTS[random(#TEXTS) + 1] end
  if kind < 5 then return number() end
  if kind == 5 then return list(depth + 1) end
  return object(depth + 1)
end

for _ = 1, 400 do print(json.encode(value(0))) end
for _ = 1, 40 do print(json.encode(value(0), { indent = 3 })) end
