return {
  title = "a small JSON answer with a path parameter; wrk with 100 connections on core 0, server on core 1",
  rounds = 3,
  core = 1,
  limit_s = 30,
  -- A program here is a server: it is given a free port and a folder of its own, and is ended after the load.
  load = {path = "/users/42", expected = '{"user_id":42,"name":"user 42"}', connections = 100, warm_up_s = 1,
    duration_s = 2},
  measures = {
    {name = "cpu_us", title = "CPU µs a request", of = function(run) return run.cpu_s / run.requests * 1e6 end},
    {name = "wall_us", title = "wall µs a request", of = function(run) return run.wall_s / run.requests * 1e6 end},
    {name = "peak_mib", title = "peak MiB", of = function(run) return run.process_peak_kib / 1024 end},
  },
  cases = {{name = "JSON"}},
}
