return {
  title = "await of a coroutine object that does not wait",
  rounds = 7,
  core = 1,
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, case) return run.cpu_s / case.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, case) return run.wall_s / case.count * 1e9 end},
  },
  cases = {{name = "one argument", arguments = {2000000}, count = 2000000}},
  goals = {{case = "one argument", measure = "cpu_ns", must = {node = 3}, reach = {most = 5}}},
}
