-- The same with return_exceptions.
return {
  body = {{"await", {"wait_for", {"gather", {{"sleep", 0, 0}}, true}, 0}}},
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
