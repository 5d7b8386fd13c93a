local function case(kind, work, size)
  return {name = ("%s in %s"):format(work, kind), arguments = {kind, work, size}}
end

return {
  title = "four heavy calls at once on two workers, which are made for them",
  rounds = 5,
  cores = {least = 1.9, rounds = 3, most_rounds = 20}, -- until three of lacuna's rounds had them, to twenty at most
  measures = {
    {name = "wall_s", title = "wall s", of = function(run) return run.wall_s end},
    {name = "share", title = "of the time in sequence", of = function(run) return run.wall_s / run.serial_s end},
    {name = "speedup", title = "times as fast", of = function(run) return run.serial_s / run.wall_s end},
    {name = "cores", title = "effective cores", of = function(run) return run.cores end},
    {name = "cpu_share", title = "of the CPU in sequence", of = function(run)
      return run.serial_cpu_s > 0 and run.cpu_s / run.serial_cpu_s or 1 -- of the sums: less than a tick
    end},
    {name = "use", title = "times as fast a core", of = function(run) return run.serial_s / run.wall_s / run.cores end},
  },
  cases = {
    case("threads", "strings", 6000000),
    case("processes", "strings", 6000000),
    case("threads", "sums", 10000000),
    case("processes", "sums", 10000000),
  },
  goals = {
    {case = "strings in threads", measure = "share", must = {most = 1 / 1.75}, needs_cores = true},
    {case = "strings in processes", measure = "share", must = {most = 1 / 1.75}, needs_cores = true},
    {case = "sums in processes", measure = "wall_s", must = {asyncio = 35}},
  },
}
