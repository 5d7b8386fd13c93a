local function case(n)
  return {name = ("%d tasks"):format(n), arguments = {n}, count = n, x = n, line = "sleeping tasks"}
end

return {
  title = "resident memory that a sleeping task adds",
  rounds = 3,
  measures = {
    {name = "bytes", title = "bytes a task", of = function(run, it) return run.bytes / it.count end},
  },
  cases = {case(1000), case(10000), case(100000), case(1000000)},
  plot = {measure = "bytes", x = "sleeping tasks", y = "bytes a task"},
  goals = {
    {case = "1000000 tasks", measure = "bytes", must = {most = 900}, reach = {most = 680}},
  },
}
