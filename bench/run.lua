#!/usr/bin/env -S build/lacuna
-- run.lua [NAME…]: runs the benchmarks of that name (all without one), lacuna and every peer that is installed in turn,
-- round after round; prints medians, spread, ratios and goals, and writes build/bench/NAME.json and NAME.svg.
--   LACUNA_BENCH_ROUNDS=2   fewer or more rounds than a benchmark asks for
--   LACUNA_BENCH_PEERS=bun  these peers only (lacuna always)
local async = require "lacuna"
local json = require "runner.json"
local launch = require "runner.launch"
local load = require "runner.load"
local nginx = require "runner.nginx"
local peers = require "runner.peers"
local plot = require "runner.plot"
local postgres = require "runner.postgres"
local report = require "runner.report"
local statistics = require "runner.statistics"
local uv = require "luv"
local await = async.await

local folder = arg[0]:match("^(.*)/") or "."
local build = folder .. "/../build/bench"
local fixed_rounds = tonumber(os.getenv("LACUNA_BENCH_ROUNDS"))
local wanted_peers = os.getenv("LACUNA_BENCH_PEERS")
local servers = {nginx = nginx, postgres = postgres} -- what a benchmark may need

local function names_of_all()
  local names = {}
  for name in uv.fs_scandir_next, uv.fs_scandir(folder) do
    if uv.fs_stat(("%s/%s/benchmark.lua"):format(folder, name)) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function is_wanted(peer)
  if not wanted_peers or peer.name == "lacuna" then return true end
  return (("," .. wanted_peers .. ","):find("," .. peer.name .. ",", 1, true)) ~= nil
end

-- Runs a program once; returns what it printed and used. Where the benchmark asks for cores, `cores` is how many were
-- there: the least of what two looks at the machine, before and after, and the program itself found.
local launch_once = async(function(benchmark, case, argv)
  local before = benchmark.cores and await(launch.effective_cores())
  local values = await((benchmark.load and load or launch).measure(argv, case.limit_s or benchmark.limit_s or 60,
    benchmark.core, peers.environment, benchmark.load))
  if before then values.cores = math.min(before, values.cores or before, await(launch.effective_cores())) end
  return values
end)

-- Runs one peer once; returns the case's measures by name.
local measure = async(function(benchmark, case, peer)
  local argv = {unpack(peer.argv)}
  if benchmark.needs then argv[#argv + 1] = await(servers[benchmark.needs].address(case)) end
  for _, argument in ipairs(case.arguments or {}) do argv[#argv + 1] = tostring(argument) end
  for _, argument in ipairs(peer.arguments or {}) do argv[#argv + 1] = tostring(argument) end
  local values = await(launch_once(benchmark, case, argv))
  for name, value in pairs(case.expected or {}) do
    if values[name] ~= value then
      error(async.ValueError(("%s is %s, not %s"):format(name, tostring(values[name]), tostring(value))))
    end
  end
  local measured = {}
  for _, kind in ipairs(benchmark.measures) do measured[kind.name] = kind.of(values, case) end
  return measured
end)

-- Who takes part: the peers that are wanted, and behind each what the benchmark names as its variants, the same program
-- with further arguments.
local takers_of = async(function(name, benchmark)
  local takers = {}
  for _, peer in ipairs(await(peers.of(folder .. "/" .. name))) do
    if is_wanted(peer) then
      takers[#takers + 1] = peer
      for _, variant in ipairs((benchmark.variants or {})[peer.name] or {}) do
        takers[#takers + 1] =
          {name = variant.name, argv = peer.argv, reason = peer.reason, arguments = variant.arguments}
      end
    end
  end
  return takers
end)

-- Whether a peer takes part in a case: a case may name those that it leaves out, as too slow for its size.
local function is_left_out(case, peer)
  for _, name in ipairs(case.without or {}) do
    if name == peer.name then return true end
  end
  return false
end

-- The statistics of some rounds by measure.
local function summarise(benchmark, rounds)
  local result = {}
  for _, kind in ipairs(benchmark.measures) do
    local values = {}
    for i, round in ipairs(rounds) do values[i] = round[kind.name] end
    if #values > 0 then result[kind.name] = statistics.of(values) end
  end
  return result
end

-- The rounds in which as many cores were there as the benchmark asks for.
local function rounds_with_cores(benchmark, rounds)
  local found = {}
  for _, round in ipairs(rounds) do
    if round.cores >= benchmark.cores.least then found[#found + 1] = round end
  end
  return found
end

-- Whether to go on for lacuna's sake: not enough of its rounds had the cores that count.
local function wants_more(benchmark, rounds, count)
  local cores = benchmark.cores
  return cores and count < cores.most_rounds and #rounds_with_cores(benchmark, rounds) < cores.rounds
end

-- All rounds of a case; returns peer -> measure -> statistics. Where cores count: also `.rounds`, all of them, and
-- `.with_cores`, the statistics of those that had enough.
local run_case = async(function(benchmark, case, takers)
  local samples, results, count = {}, {}, 0
  for _, peer in ipairs(takers) do
    samples[peer.name] = {}
    local reason = not peer.argv and peer.reason or is_left_out(case, peer) and "left out of this case"
    if reason then results[peer.name] = {reason = reason} end
  end
  local wanted = fixed_rounds or case.rounds or benchmark.rounds or 5
  while count < wanted or wants_more(benchmark, samples.lacuna, count) do
    for _, peer in ipairs(takers) do
      if not results[peer.name] and (count < wanted or peer.name == "lacuna") then
        local ok, measured = async.pcall(await, measure(benchmark, case, peer))
        if ok then
          table.insert(samples[peer.name], measured)
        else
          results[peer.name] = {reason = measured.message or tostring(measured)}
        end
      end
    end
    count = count + 1
  end
  for name, rounds in pairs(samples) do
    if not results[name] then
      results[name] = summarise(benchmark, rounds)
      if benchmark.cores then
        results[name].rounds = rounds
        results[name].with_cores = summarise(benchmark, rounds_with_cores(benchmark, rounds))
      end
    end
  end
  return results
end)

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local run_benchmark = async(function(name)
  local benchmark = dofile(("%s/%s/benchmark.lua"):format(folder, name))
  local takers = await(takers_of(name, benchmark))
  print(("%s: %s"):format(name, benchmark.title))
  local record = {title = benchmark.title, cases = {}}
  for index, case in ipairs(benchmark.cases) do
    local before = await(launch.effective_cores())
    local results = await(run_case(benchmark, case, takers))
    local after = await(launch.effective_cores())
    print(("\n%s, %s   effective cores %.2f before, %.2f after"):format(name, case.name, before, after))
    report.print_case(benchmark.measures, results, takers)
    local verdicts = report.print_goals(benchmark, case.name, results)
    record.cases[index] = {
      name = case.name, x = case.x, line = case.line, cores = {before, after}, results = results, goals = verdicts,
    }
  end
  print()
  record.measures = {}
  for i, kind in ipairs(benchmark.measures) do record.measures[i] = {name = kind.name, title = kind.title} end
  write(("%s/%s.json"):format(build, name), json.encode(record))
  if benchmark.plot then write(("%s/%s.svg"):format(build, name), plot.of(benchmark, record, takers)) end
end)

os.execute(("mkdir -p '%s'"):format(build))
await(launch.prepare(folder .. "/runner", build))
peers.prepare(folder .. "/runner", build)
local names = #arg > 0 and arg or names_of_all()
async.with(nginx.service, function()
  async.with(postgres.service, function()
    for _, name in ipairs(names) do await(run_benchmark(name)) end
  end)
end)
