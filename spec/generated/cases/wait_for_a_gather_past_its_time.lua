-- wait_for past its time raised the CancelledError of a gather, not TimeoutError.
return {
  body = {{"await", {"wait_for", {"gather", {{"sleep", 0, 0}}, false}, 0}}},
  bounded = 1,
  maxsize = 1,
  parties = 1,
  seed = 0,
  semaphore = 1,
}
