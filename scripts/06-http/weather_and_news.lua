-- weather_and_news: two services asked in sequence, 2 s, then gathered, 1 s.

local async = require "lacuna"
local http = require "lacuna.http"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local ask = async(function(url)
  return async.with(http.ClientSession(), function(session)
    return async.with(session:get(url), function(response) return await(response:json()) end)
  end)
end)

async.with(site(arg[1]), function(address)
  local function weather(city) return ask(("%s/delay/1/weather/%s"):format(address, city)) end
  local function news(topic) return ask(("%s/delay/1/news/%s"):format(address, topic)) end

  local began = time.time()
  local forecast = await(weather("seoul"))
  local headlines = await(news("science"))
  print(("in sequence: %.1f s, %s and %s"):format(time.time() - began, forecast.path, headlines.path))

  began = time.time()
  forecast, headlines = unpack(await(async.gather(weather("seoul"), news("science"))))
  print(("together: %.1f s, %s and %s"):format(time.time() - began, forecast.path, headlines.path))
end)
