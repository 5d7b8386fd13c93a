return {
  title = "a message through a queue of one between two tasks",
  rounds = 7,
  core = 1,
  variants = { -- what stands between: each adds one cost to the row above (steps.lua)
    limit = {
      {name = "+lua", arguments = {"lua"}},
      {name = "+object", arguments = {"object"}},
      {name = "+task", arguments = {"task"}},
      {name = "+line", arguments = {"line"}},
    },
  },
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, case) return run.cpu_s / case.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, case) return run.wall_s / case.count * 1e9 end},
  },
  cases = {{name = "there and back", arguments = {300000}, count = 300000}},
  goals = {
    {case = "there and back", measure = "cpu_ns", must = {asyncio = 20, go = 1}, reach = {asyncio = 30}},
  },
}
