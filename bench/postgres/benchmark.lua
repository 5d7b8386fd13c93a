-- Every program makes its connections before the clock starts.
return {
  title = "SELECT 1 over 10 connections by 100 tasks; client on core 1, PostgreSQL on core 0",
  rounds = 5,
  core = 1,
  needs = "postgres",
  measures = {
    {name = "cpu_us", title = "CPU µs a query", of = function(run, it) return run.cpu_s / it.count * 1e6 end},
    {name = "wall_us", title = "wall µs a query", of = function(run, it) return run.wall_s / it.count * 1e6 end},
    {name = "peak_mib", title = "peak MiB", of = function(run) return run.process_peak_kib / 1024 end},
  },
  cases = {{name = "SELECT 1", arguments = {20000, 10, 100}, count = 20000, expected = {sum = 20000}}},
}
