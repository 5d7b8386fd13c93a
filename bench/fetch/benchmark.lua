-- curl has no clock of its own: the whole process is counted.
local function cpu_s(run) return run.cpu_s or run.process_cpu_s end
local function wall_s(run) return run.wall_s or run.process_wall_s end

local function case(name, scheme, kib, count, concurrency, more)
  local described = {
    name = name, scheme = scheme, path = ("/%dk"):format(kib), arguments = {count, concurrency}, count = count,
    expected = {bytes = kib * 1024 * count},
  }
  for key, value in pairs(more or {}) do described[key] = value end
  return described
end

local cases = {
  case("1 KiB", "http", 1, 10000, 100),
  case("100 KiB", "http", 100, 4000, 100),
  case("HTTPS 1 KiB", "https", 1, 10000, 100),
}
for _, concurrency in ipairs{1, 10, 100, 1000, 10000} do
  table.insert(cases, case(("%d connections"):format(concurrency), "http", 1, math.max(5000, 2 * concurrency),
    concurrency, {x = concurrency, line = "connections", rounds = 3}))
end

return {
  title = "GETs from nginx on the loopback, keep-alive, 100 at a time unless said otherwise; client on one core",
  rounds = 5,
  core = 1,
  needs = "nginx",
  measures = {
    {name = "cpu_us", title = "CPU µs a request", of = function(run, it) return cpu_s(run) / it.count * 1e6 end},
    {name = "wall_us", title = "wall µs a request", of = function(run, it) return wall_s(run) / it.count * 1e6 end},
    {name = "peak_mib", title = "peak MiB", of = function(run) return run.process_peak_kib / 1024 end},
  },
  cases = cases,
  plot = {measure = "cpu_us", x = "connections", y = "CPU µs a request"},
  goals = {
    {case = "1 KiB", measure = "cpu_us", must = {aiohttp = 7.5, undici = 2.5, curl = 1, ["lua-http"] = 1},
      reach = {bun = 1, go = 1}},
    {case = "100 KiB", measure = "cpu_us", must = {aiohttp = 5}, reach = {bun = 1, curl = 1}},
    {case = "HTTPS 1 KiB", measure = "cpu_us", must = {aiohttp = 5.8, bun = 1.5}, reach = {aiohttp = 7}},
  },
}
