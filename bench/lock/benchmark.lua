return {
  title = "an uncontended lock, taken and freed",
  rounds = 7,
  core = 1,
  measures = {
    {name = "cpu_ns", title = "CPU ns each", of = function(run, case) return run.cpu_s / case.count * 1e9 end},
    {name = "wall_ns", title = "wall ns each", of = function(run, case) return run.wall_s / case.count * 1e9 end},
  },
  cases = {
    {name = "bare", arguments = {"bare", 500000}, count = 500000},
    {name = "with", arguments = {"with", 500000}, count = 500000},
    {name = "with, a closure each time", arguments = {"closure", 500000}, count = 500000},
  },
  goals = {
    {case = "bare", measure = "cpu_ns", must = {most = 25}, reach = {most = 5}},
    {case = "with", measure = "cpu_ns", must = {most = 25}, reach = {most = 5}},
  },
}
