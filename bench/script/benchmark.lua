local GETS = 30

return {
  title = "a script of 30 sequential GETs of 1 KiB, whole process",
  rounds = 15,
  core = 1,
  needs = "nginx",
  measures = {
    {name = "wall_ms", title = "wall ms", of = function(run) return run.process_wall_s * 1e3 end},
    {name = "cpu_ms", title = "CPU ms", of = function(run) return run.process_cpu_s * 1e3 end},
    {name = "peak_mib", title = "peak MiB", of = function(run) return run.process_peak_kib / 1024 end},
  },
  cases = {{name = "30 GETs", path = "/1k", arguments = {GETS}}},
  goals = {
    {case = "30 GETs", measure = "wall_ms", must = {aiohttp = 11}, reach = {bun = 1, curl = 1}},
  },
}
