return {
  title = "await(async.sleep(0)) in one task",
  rounds = 7,
  core = 1,
  variants = { -- what stands between: each adds one cost to the row above (steps.lua)
    limit = {
      {name = "+list", arguments = {"list"}},
      {name = "+object", arguments = {"object"}},
      {name = "+task", arguments = {"task"}},
    },
  },
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, case) return run.cpu_s / case.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, case) return run.wall_s / case.count * 1e9 end},
  },
  cases = {{name = "one task", arguments = {500000}, count = 500000}},
  goals = {
    {case = "one task", measure = "cpu_ns", must = {asyncio = 20, bun = 7}, reach = {asyncio = 40, go = 1}},
  },
}
