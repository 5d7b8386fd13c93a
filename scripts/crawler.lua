-- crawler: follows the links of web sites, many pages at a time, and prints one line a page.
-- It stays on the hosts of the URLs it is given. Given none, it crawls a site of its own, in which some pages are slow,
-- some fail and some never answer. A page that fails is a line in the report, never the end of the crawl.

local async = require "lacuna"
local http = require "lacuna.http"
local time = require "lacuna.time"
local url = require "lacuna.http.url"
local uv = require "luv"
local country = require "support.country"
local site = require "support.site"
local await = async.await

local USAGE = "usage: lacuna scripts/crawler.lua [URL…]"
local CONCURRENCY = 16 -- pages fetched at the same time
local MAX_PAGES = 1000
local TIMEOUT_SECONDS, OWN_SITE_TIMEOUT_SECONDS = 10, 1

-- The report

local started_at = time.perf_counter()
local found, done = 0, 0 -- pages
local sum_seconds = 0 -- of all pages: what they would have taken one after the other
local counts = {} -- 200, "timeout" … → pages

local is_terminal = uv.guess_handle(1) == "tty"
local clear = is_terminal and "\r\27[K" or "" -- takes the progress line away

local function show_progress()
  if is_terminal then io.write(clear, ("%d done, %d to go"):format(done, found - done)) end
  io.flush()
end

-- An address as browsers show it: Korean letters, and others of three bytes, instead of their percent-escapes.
local function readable(address)
  return (address:gsub("%%E%x%%[89AB]%x%%[89AB]%x", function(letter)
    return (letter:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
  end))
end

local function show_page(page)
  done, sum_seconds = done + 1, sum_seconds + page.seconds
  counts[page.outcome] = (counts[page.outcome] or 0) + 1
  print(("%s%7s %7s %6.0f  %s%s"):format(
    clear, page.outcome, page.size_bytes, page.seconds * 1000, readable(page.address), page.problem))
end

local function show_summary()
  local elapsed, totals = time.perf_counter() - started_at, {}
  for outcome, count in pairs(counts) do totals[#totals + 1] = ("%s: %d"):format(outcome, count) end
  table.sort(totals)
  local limit = found == MAX_PAGES and ", as many as one crawl may fetch" or ""
  print(("%s\npages: %d (%s)%s"):format(clear, done, table.concat(totals, ", "), limit))
  print(("elapsed %.2f s, sum of the single times %.2f s: %.1f times as fast"):format(
    elapsed, sum_seconds, sum_seconds / elapsed))
end

-- The crawl

local function links_of(response, body)
  local links = {}
  if response.content_type ~= "text/html" then return links end
  for href in body:gmatch("<[aA]%s[^>]-[hH][rR][eE][fF]%s*=%s*[\"']([^\"']*)") do
    links[#links + 1] = url.normalize(url.join(response.url, (href:gsub("&amp;", "&"))))
  end
  return links
end

local function host_of(address)
  return url.origin(address):match("//(.*):")
end

-- The error's message without the request it begins with: the line names that already.
local function reason(err)
  return "  " .. err.message:gsub("^GET .-: ", "")
end

local fetch = async(function(session, address)
  local page = {address = address, outcome = "failed", size_bytes = "-", problem = "", links = {}}
  local asked_at = time.perf_counter()
  async.try(function()
    local response = await(session:get(address))
    local body = await(response:text())
    page.outcome, page.size_bytes, page.links = response.status, #body, links_of(response, body)
  end, {
    [http.ClientError] = function(err) page.problem = reason(err) end,
    [async.TimeoutError] = function(err) page.outcome, page.problem = "timeout", reason(err) end,
    finally = function() page.seconds = time.perf_counter() - asked_at end,
  })
  return page
end)

-- Each page is a task from when it is found. The semaphore lets them in in that order, which is breadth-first.
local crawl = async(function(session, addresses)
  local slots = async.Semaphore(CONCURRENCY)
  local is_known, is_ours = {}, {} -- by address, by host

  async.with(async.TaskGroup(), function(group)
    local function visit(address)
      if is_known[address] or found == MAX_PAGES then return end
      is_known[address], found = true, found + 1
      group:create_task(function()
        local page = async.with(slots, function() return await(fetch(session, address)) end)
        show_page(page)
        for _, link in ipairs(page.links) do
          if is_ours[host_of(link)] then visit(link) end
        end
        show_progress()
      end)
    end

    for _, given in ipairs(addresses) do
      local address = url.normalize(given)
      if address then is_ours[host_of(address)] = true end
      visit(address or given)
    end
    show_progress()
  end)
end)

local function crawl_with_timeout(seconds, addresses)
  async.with(http.ClientSession{timeout = seconds}, function(session) await(crawl(session, addresses)) end)
end

for _, argument in ipairs(arg) do
  if argument == "-h" or argument == "--help" then return print(USAGE) end
  if argument:find("^-") then
    io.stderr:write(("crawler: unknown option %s\n%s\n"):format(argument, USAGE))
    os.exit(2)
  end
end

print(("%7s %7s %6s  %s"):format("status", "bytes", "ms", "URL"))
async.try(function()
  if #arg > 0 then return crawl_with_timeout(TIMEOUT_SECONDS, arg) end
  async.with(site(country), function(address) crawl_with_timeout(OWN_SITE_TIMEOUT_SECONDS, {address .. "/"}) end)
end, {finally = show_summary})
