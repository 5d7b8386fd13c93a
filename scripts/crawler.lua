-- crawler: follows the links of web sites, many pages at a time, and prints one line a page.
-- It stays on the hosts of the URLs it is given. Given none, it crawls a site of its own, in which some pages are slow,
-- some fail and some never answer. A page that fails is a line in the report, never the end of the crawl.

local async = require "lacuna"
local http = require "lacuna.http"
local time = require "lacuna.time"
local url = require "lacuna.http.url"
local uv = require "luv"
local site = require "support.site"
local await = async.await

local USAGE = "usage: lacuna scripts/crawler.lua [URL…]"
local CONCURRENCY = 16 -- pages fetched at the same time
local MAX_PAGES = 1000
local TIMEOUT_SECONDS, OWN_SITE_TIMEOUT_SECONDS = 10, 1

-- The report ---------------------------------------------------------------------------------------------------------

local started_at = time.perf_counter()
local found, running, done = 0, 0, 0 -- pages
local sum_seconds = 0 -- of all requests: what they would have taken one after the other
local counts = {} -- 200, "timeout" … → pages

local is_terminal = uv.guess_handle(1) == "tty"
local clear = is_terminal and "\r\27[K" or "" -- the progress line, to print on it
io.stdout:setvbuf("line")

local function show_progress()
  if not is_terminal then return end
  io.write(clear, ("%d done, %d running, %d waiting"):format(done, running, found - done - running))
  io.flush()
end

local function show_page(page)
  done, sum_seconds = done + 1, sum_seconds + page.seconds
  counts[page.outcome] = (counts[page.outcome] or 0) + 1
  print(clear .. ("%7s %8s %6.0f  %s"):format(page.outcome, page.size_bytes or "-", page.seconds * 1000, page.text))
  show_progress()
end

local function show_summary()
  local elapsed, totals = time.perf_counter() - started_at, {}
  for outcome, count in pairs(counts) do totals[#totals + 1] = ("%s: %d"):format(outcome, count) end
  table.sort(totals)
  print(("%s\n%d pages (%s)%s"):format(
    clear, done, table.concat(totals, ", "), found == MAX_PAGES and ", more than which are not visited" or ""))
  print(("elapsed %.2f s, sum of the single times %.2f s: %.1f times as fast"):format(
    elapsed, sum_seconds, sum_seconds / elapsed))
end

-- The crawl ----------------------------------------------------------------------------------------------------------

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

-- Fetches a page; one that fails has the reason for a text and no links.
local fetch = async(function(session, address)
  local function failed(outcome)
    return function(err) return {outcome = outcome, text = err.message, links = {}} end
  end
  return async.try(function()
    local response = await(session:get(address))
    local body = await(response:text())
    return {outcome = response.status, text = address, size_bytes = #body, links = links_of(response, body)}
  end, {[async.TimeoutError] = failed("timeout"), [http.ClientError] = failed("failed")})
end)

-- One task a page. The semaphore serves in order of arrival, so pages are fetched in the order they were found.
local crawl = async(function(session, addresses)
  local slots = async.Semaphore(CONCURRENCY)
  local is_known, is_ours = {}, {} -- by address, by host

  async.with(async.TaskGroup(), function(group)
    local function visit(address)
      if is_known[address] or found == MAX_PAGES then return end
      is_known[address], found = true, found + 1
      group:create_task(function()
        local page = async.with(slots, function()
          running = running + 1
          local asked_at = time.perf_counter()
          local fetched = await(fetch(session, address))
          fetched.seconds = time.perf_counter() - asked_at
          running = running - 1
          return fetched
        end)
        show_page(page)
        for _, link in ipairs(page.links) do
          if is_ours[host_of(link)] then visit(link) end
        end
      end)
    end

    for _, address in ipairs(addresses) do
      local normalized = url.normalize(address)
      if normalized then is_ours[host_of(normalized)] = true end
      visit(normalized or address)
    end
  end)
end)

for _, argument in ipairs(arg) do
  if argument:find("^-") then
    print(USAGE)
    os.exit((argument == "-h" or argument == "--help") and 0 or 2)
  end
end

async.try(function()
  if #arg > 0 then
    async.with(http.ClientSession{timeout = TIMEOUT_SECONDS}, function(session) await(crawl(session, arg)) end)
  else
    async.with(site(), function(address)
    async.with(http.ClientSession{timeout = OWN_SITE_TIMEOUT_SECONDS}, function(session) await(crawl(session, {address})) end)
    end)
  end
end, {finally = show_summary})
