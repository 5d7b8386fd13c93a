-- scrape: status and length of five sites, with the blocking requests and then together.

local async = require "lacuna"
local http = require "lacuna.http"
local requests = require "lacuna.requests"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local function scrape_blocking(urls)
  local pages = {}
  for i, url in ipairs(urls) do
    local response = requests.get(url)
    pages[i] = {url = url, status = response.status_code, length = #response.text}
  end
  return pages
end

local scrape = async(function(session, url)
  return async.with(session:get(url), function(response)
    return {url = url, status = response.status, length = #await(response:text())}
  end)
end)

local function show(title, began, pages)
  print(("%s: %.1f s"):format(title, time.time() - began))
  for _, page in ipairs(pages) do
    print(("  %d %4d bytes  %s"):format(page.status, page.length, page.url:match("//[^/]+(.*)$")))
  end
end

async.with(site(arg[1]), function(address)
  local urls = {}
  for i, path in ipairs{"/delay/0.2/one", "/delay/0.2/two", "/delay/0.2/three", "/bytes/2000", "/status/404"} do
    urls[i] = address .. path
  end
  local began = time.time()
  show("blocking", began, scrape_blocking(urls))

  began = time.time()
  async.with(http.ClientSession(), function(session)
    local scrapes = {}
    for i, url in ipairs(urls) do scrapes[i] = scrape(session, url) end
    show("together", began, await(async.gather(scrapes)))
  end)
end)
