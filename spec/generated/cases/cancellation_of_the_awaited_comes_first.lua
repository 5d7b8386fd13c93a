-- A cancelled gather's own CancelledError gave way to that of a request that came after it.
return {
  body = {
    {"spawn", "t4", {{"raise_cancelled", "m"}}},
    {"timeout", 0, {{"await", {"gather", {{"of", "t4"}}, false}}}},
  },
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
