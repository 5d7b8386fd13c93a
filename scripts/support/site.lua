-- site: a small web site on 127.0.0.1, for scripts that need one to fetch from; it lives in the script's own loop.
-- Every page has its own delay, the same in each run. Some are missing or broken, some answer later than anyone waits,
-- one link leads to a port where nobody listens. It speaks just enough HTTP/1.1: a stand-in for lacuna.web.

local async = require "lacuna"
local uv = require "luv"

local SECTIONS = {
  {"rivers", "han", "nakdong", "geum", "seomjin", "yeongsan", "imjin", "soyang"},
  {"mountains", "halla", "jiri", "seorak", "odae", "naejang", "deogyu", "songni"},
  {"islands", "jeju", "ulleung", "dokdo", "geoje", "jindo", "wando", "ganghwa"},
  {"cities", "seoul", "busan", "incheon", "daegu", "daejeon", "gwangju", "ulsan"},
  {"한국어", "강", "산", "섬", "바다", "하늘", "바람", "별"},
}
local REASONS = {[200] = "OK", [404] = "Not Found", [500] = "Internal Server Error"}
local FOREVER_SECONDS = 3600
local MAX_HEAD_BYTES = 16 * 1024

local function page(title, links, seconds, status)
  local items = {}
  for i, href in ipairs(links) do items[i] = ('<li><a href="%s">%s</a></li>'):format(href, href) end
  local body = ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n<ul>\n%s\n</ul>\n"):format(
    title, title, table.concat(items, "\n")) .. ("<p>%s</p>\n"):format(title):rep(10 * #title)
  local head = ("HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n"):format(
    status or 200, REASONS[status or 200], #body)
  return {response = head .. body, seconds = seconds}
end

-- All pages by path. Links are written in all the ways that sites write them.
local function make_pages(dead_port)
  local pages = {}
  local index = {
    "#top", "/", "missing.html", "/broken?cause=none", "/stuck/1", "/stuck/2", "mailto:nobody@example.org",
    "http://example.org/another-host", ("http://127.0.0.1:%d/nobody-listens"):format(dead_port),
  }
  for section, names in ipairs(SECTIONS) do
    local folder = "/" .. names[1] .. "/"
    local links = {"../", "../#top"}
    for i = 2, #names do
      local following = names[i + 1] or names[2]
      links[i + 1] = names[i]
      local seconds = 0.05 + (section * 7 + i) * 11 % 36 / 100 -- 0.05 to 0.4, no two alike
      pages[folder .. names[i]] = page(names[i], {"./", following, folder .. following .. "#more"}, seconds)
    end
    pages[folder] = page(names[1], links, 0.05 + section * 0.03)
    index[#index + 1] = names[1] .. "/"
  end
  pages["/"] = page("A small site", index, 0.05)
  pages["/broken"] = page("Broken", {}, 0.1, 500)
  pages["/stuck/1"] = page("Nobody waits for this", {}, FOREVER_SECONDS)
  pages["/stuck/2"] = pages["/stuck/1"]
  return pages
end

local missing = page("There is no such page", {"/"}, 0.08, 404)

-- "/%EA%B0%95?a=b" → "/강"
local function decode_path(target)
  return (target:match("^[^?]*"):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- A context manager: the site, served while its body runs. Its value is the URL of the first page.
---@return table
return async.contextmanager(function(yield)
  local loop = async.get_running_loop()
  local server, dead = uv.new_tcp(), uv.new_tcp()
  assert(server:bind("127.0.0.1", 0))
  assert(dead:bind("127.0.0.1", 0)) -- and never listens: connections are refused, and nobody else gets the port
  local pages = make_pages(dead:getsockname().port)
  local clients = {} -- connection → the timer of its next answer, or false

  local function drop(client)
    if clients[client] then clients[client]:cancel() end
    clients[client] = nil
    client:close()
  end

  local function answer(client, head)
    local found = pages[decode_path(head:match("^GET (%S+) HTTP/1%.1") or "")] or missing
    clients[client] = loop:call_later(found.seconds, function()
      clients[client] = false
      client:write(found.response)
    end)
  end

  local function on_connection(problem)
    assert(not problem, problem)
    local client, received = uv.new_tcp(), ""
    clients[client] = false
    assert(server:accept(client))
    client:read_start(function(_, data)
      if not data or clients[client] or #received > MAX_HEAD_BYTES then return drop(client) end
      received = received .. data
      local head, rest = received:match("^(.-)\r\n\r\n(.*)$")
      if not head then return end
      received = rest
      answer(client, head)
    end)
  end

  assert(server:listen(128, on_connection))
  async.try(function() yield(("http://127.0.0.1:%d/"):format(server:getsockname().port)) end, {
    finally = function()
      for client in pairs(clients) do drop(client) end
      server:close()
      dead:close()
    end,
  })
end)
