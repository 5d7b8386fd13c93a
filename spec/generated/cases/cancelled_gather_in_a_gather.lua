-- A task that waits for a gather is cancelled by the gathered task, which then cancels itself.
return {
  body = {
    {
      "spawn",
      "t2",
      {{"cancel", "t1", "n"}, {"try", {{"raise", "x"}}, "cancelled", {}, {{"cancel_self", ""}}}},
    },
    {"await", {"gather", {{"of", "t2"}}, true}},
  },
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 144438450,
  semaphore = 0,
}
