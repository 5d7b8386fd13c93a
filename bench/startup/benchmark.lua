return {
  title = "start and end of an empty script, whole process",
  rounds = 40,
  measures = {
    {name = "wall_ms", title = "wall ms", of = function(run) return run.process_wall_s * 1e3 end},
    {name = "cpu_ms", title = "CPU ms", of = function(run) return run.process_cpu_s * 1e3 end},
    {name = "peak_mib", title = "peak MiB", of = function(run) return run.process_peak_kib / 1024 end},
  },
  cases = {{name = "empty script"}},
  goals = {
    {case = "empty script", measure = "wall_ms", must = {luajit = 1 / 1.7, bun = 1}, reach = {luajit = 1 / 1.25}},
    {case = "empty script", measure = "peak_mib", must = {most = 4}},
  },
}
