-- A task that is to be cancelled and sleeps lost its message to a later request.
return {
  body = {{"cancel", "t1", ""}, {"spawn", "t2", {{"cancel", "t1", "n"}}}, {"await", {"sleep", 1, 0}}},
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
