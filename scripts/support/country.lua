-- country: the pages of the site that the crawler crawls when it is given none. Every page has its own delay, the same
-- in each run. Some are missing or broken, some answer later than anyone waits, one link leads to a port where nobody
-- listens.

local SECTIONS = {
  {"rivers", "han", "nakdong", "geum", "seomjin", "yeongsan", "imjin", "soyang"},
  {"mountains", "halla", "jiri", "seorak", "odae", "naejang", "deogyu", "songni"},
  {"islands", "jeju", "ulleung", "dokdo", "geoje", "jindo", "wando", "ganghwa"},
  {"cities", "seoul", "busan", "incheon", "daegu", "daejeon", "gwangju", "ulsan"},
  {"한국어", "강", "산", "섬", "바다", "하늘", "바람", "별"},
}
local FOREVER_SECONDS = 3600

local function page(title, links, seconds, status)
  local items = {}
  for i, href in ipairs(links) do items[i] = ('<li><a href="%s">%s</a></li>'):format(href, href) end
  local body = ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n<ul>\n%s\n</ul>\n"):format(
    title, title, table.concat(items, "\n")) .. ("<p>%s</p>\n"):format(title):rep(10 * #title)
  return {body = body, type = "text/html; charset=utf-8", seconds = seconds, status = status}
end

-- Links are written in all the ways that sites write them.
local pages = {missing = page("There is no such page", {"/"}, 0.08, 404)}
local index = {
  "#top", "/", "missing.html", "/broken?cause=none", "/stuck/1", "/stuck/2", "mailto:nobody@example.org",
  "http://example.org/another-host", "http://127.0.0.1:9/nobody-listens",
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
