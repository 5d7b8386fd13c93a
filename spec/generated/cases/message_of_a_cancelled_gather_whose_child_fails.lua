-- A gather that was cancelled lost the message when its last child failed instead.
return {
  body = {
    {"spawn", "t3", {{"await", {"gather", {{"of", "t4"}}, true}}}},
    {"spawn", "t4", {{"cancel", "t3", "m"}, {"raise", "x"}}},
  },
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
