return {
  title = "gather of 3, TaskGroup of 3, timeout(): around sleep(0)",
  rounds = 7,
  core = 1,
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, case) return run.cpu_s / case.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, case) return run.wall_s / case.count * 1e9 end},
  },
  variants = { -- what stands between: what lacuna has beside the limit program
    limit = {
      {name = "limit+ready list", arguments = {"list"}},
      {name = "limit+Lua below pcall", arguments = {"lua"}},
      {name = "limit+asyncio's order", arguments = {"order"}},
      {name = "limit+closure", arguments = {"closure"}},
      {name = "limit+tables", arguments = {"tables"}},
      {name = "limit+all of them", arguments = {"list", "lua", "order", "closure", "tables"}},
    },
  },
  cases = {
    {name = "gather of 3", arguments = {"gather", 30000}, count = 30000, without = {"limit+closure"}},
    {name = "TaskGroup of 3", arguments = {"taskgroup", 30000}, count = 30000},
    {name = "timeout()", arguments = {"timeout", 30000}, count = 30000},
  },
  goals = {
    {case = "gather of 3", measure = "cpu_ns", must = {asyncio = 9}, reach = {asyncio = 15}},
    {case = "TaskGroup of 3", measure = "cpu_ns", must = {asyncio = 9}, reach = {asyncio = 15}},
    {case = "timeout()", measure = "cpu_ns", must = {asyncio = 9}, reach = {asyncio = 15}},
  },
}
