local cases = {}
for _, mode in ipairs{"zero", "random"} do
  for _, n in ipairs{1000, 10000, 100000, 1000000} do
    cases[#cases + 1] = {
      name = ("%s %d"):format(mode, n), arguments = {mode, n}, count = n, x = n, line = mode,
      rounds = n >= 1000000 and 3 or n >= 100000 and 5 or 15, limit_s = 90,
    }
  end
end

return {
  title = "gather of N tasks that sleep: 0, or a random time of 0 to 1 s",
  measures = {
    {name = "cpu_us", title = "CPU µs a task", of = function(run, case) return run.cpu_s / case.count * 1e6 end},
    {name = "wall_s", title = "wall s", of = function(run) return run.wall_s end},
    {name = "process_cpu_us", title = "process CPU µs a task", of = function(run, case)
      return run.process_cpu_s / case.count * 1e6
    end},
    {name = "peak_bytes", title = "peak bytes a task", of = function(run, case)
      return run.process_peak_kib * 1024 / case.count
    end},
  },
  cases = cases,
  plot = {measure = "cpu_us", x = "tasks", y = "CPU µs a task"},
  goals = {
    {case = "zero 1000000", measure = "cpu_us", must = {asyncio = 9, node = 1.6}, reach = {asyncio = 12, go = 1}},
    {case = "zero 10000", measure = "cpu_us", must = {asyncio = 5}, reach = {bun = 1}},
    {case = "random 1000000", measure = "wall_s",
      must = {asyncio = 11, go = 1, bun = 1, node = 1}, reach = {asyncio = 18, go = 2}},
    {case = "random 1000000", measure = "peak_bytes", must = {most = 900}, reach = {most = 680}},
  },
}
