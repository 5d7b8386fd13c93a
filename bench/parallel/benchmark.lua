local function case(kind, work, size)
  return {name = ("%s in %s"):format(work, kind), arguments = {kind, work, size}}
end

return {
  title = "four heavy calls at once on two workers, which are made for them",
  rounds = 5,
  measures = {
    {name = "wall_s", title = "wall s", of = function(run) return run.wall_s end},
    {name = "share", title = "of the time in sequence", of = function(run) return run.wall_s / run.serial_s end},
  },
  cases = {
    case("threads", "strings", 1500000),
    case("processes", "strings", 1500000),
    case("threads", "sums", 10000000),
    case("processes", "sums", 10000000),
  },
  goals = { -- to be read where two cores are really there
    {case = "strings in threads", measure = "share", must = {most = 1 / 1.75}},
    {case = "strings in processes", measure = "share", must = {most = 1 / 1.75}},
    {case = "sums in processes", measure = "wall_s", must = {asyncio = 35}},
  },
}
