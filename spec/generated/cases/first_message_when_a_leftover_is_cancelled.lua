-- The same, the later request without a message.
return {
  body = {{"spawn", "t2", {{"spawn", "t3", {{"cancel", "t3", "n"}, {"await", {"sleep", 1, 0}}}}}}},
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
