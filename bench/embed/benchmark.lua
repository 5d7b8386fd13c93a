local function case(name, argument, count, more)
  local described = {name = name, arguments = {argument, count}, count = count}
  for key, value in pairs(more or {}) do described[key] = value end
  return described
end

local without_limit = {without = {"limit"}}

return {
  title = "lacuna in a C program, through liblacuna.so; the limit is LuaJIT and libuv alone",
  rounds = 7,
  core = 1,
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, it) return run.cpu_s / it.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, it) return run.wall_s / it.count * 1e9 end},
    {name = "size_kib", title = "KiB each", of = function(run) return run.size_kib or 0 end},
  },
  cases = {
    case("step with nothing to run", "step", 1000000),
    case("synchronous function", "call", 20000000),
    case("asynchronous function, loop's thread", "loop", 1000000, without_limit),
    case("asynchronous function, another thread", "thread", 1000000, without_limit),
    case("runtime made and freed", "new", 300),
    case("runtime made, used and freed", "new_used", 300, without_limit),
  },
  goals = {
    {case = "step with nothing to run", measure = "cpu_ns", must = {most = 250}},
    {case = "synchronous function", measure = "cpu_ns", must = {limit = 1 / 2}},
    {case = "asynchronous function, loop's thread", measure = "cpu_ns", must = {most = 300}},
    {case = "asynchronous function, another thread", measure = "wall_ns", must = {most = 1500}},
    {case = "runtime made and freed", measure = "cpu_ns", must = {most = 1500000}},
    {case = "runtime made, used and freed", measure = "cpu_ns", must = {most = 1500000}},
    {case = "runtime made, used and freed", measure = "size_kib", must = {most = 1024}},
  },
}
