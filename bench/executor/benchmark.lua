return {
  title = "an empty call in a worker, or one that takes and returns 1 MB",
  rounds = 7,
  measures = {
    {name = "wall_us", title = "wall us each", of = function(run, case) return run.wall_s / case.count * 1e6 end},
    {name = "cpu_us", title = "CPU us each", of = function(run, case) return run.cpu_s / case.count * 1e6 end},
  },
  cases = {
    {name = "thread, one at a time", arguments = {"thread", "one", 5000}, count = 5000},
    {name = "threads, 10000 at once", arguments = {"thread", "many", 10000}, count = 10000, without = {"limit"}},
    {name = "thread, 1 MB", arguments = {"thread", "megabyte", 200}, count = 200, without = {"limit"}},
    {name = "process, one at a time", arguments = {"process", "one", 2000}, count = 2000},
    {name = "processes, 10000 at once", arguments = {"process", "many", 10000}, count = 10000, without = {"limit"}},
    {name = "process, 1 MB", arguments = {"process", "megabyte", 100}, count = 100, without = {"limit"}},
  },
  goals = {
    {case = "thread, one at a time", measure = "wall_us", must = {asyncio = 2}},
    {case = "threads, 10000 at once", measure = "wall_us", must = {most = 2.2, asyncio = 20}, reach = {most = 1.2}},
    {case = "thread, 1 MB", measure = "wall_us", must = {most = 1000}},
    {case = "process, one at a time", measure = "wall_us", must = {asyncio = 5}},
    {case = "processes, 10000 at once", measure = "wall_us", must = {asyncio = 5}},
  },
}
