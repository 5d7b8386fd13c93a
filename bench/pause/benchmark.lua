local function case(waiting)
  return {name = ("%d waiting"):format(waiting), arguments = {waiting, 4, 2}}
end

-- The gap is counted in CPU time of the process: what the machine gives to others between two ticks is not its pause.
return {
  title = "the longest gap that a 1 ms ticker sees in 2 s while tasks wait and 4 work and allocate",
  rounds = 5,
  core = 1,
  measures = {
    {name = "gap_cpu_ms", title = "longest gap, CPU ms", of = function(run) return run.longest_gap_cpu_ms end},
    {name = "gap_ms", title = "wall ms", of = function(run) return run.longest_gap_ms end},
    {name = "steps", title = "steps of the others", of = function(run) return run.steps end},
  },
  variants = { -- what stands between: tables that each stack refers to, as a task's does
    limit = {
      {name = "limit+1 table", arguments = {1}},
      {name = "limit+2 tables", arguments = {2}},
      {name = "limit+3 tables", arguments = {3}},
    },
  },
  cases = {case(1000), case(100000)},
  goals = {
    {case = "100000 waiting", measure = "gap_cpu_ms", must = {most = 5}, reach = {most = 2}},
  },
}
