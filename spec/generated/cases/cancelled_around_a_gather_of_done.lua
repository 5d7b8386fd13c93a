-- A gather whose last child is a gather with nothing left to cancel: no child was cancelled with the message, so nobody
-- passes it on.
return {
  body = {
    {
      "spawn",
      "t3",
      {
        {"cancel", "t3", "n"},
        {"await", {"gather", {{"sleep", 0, 0}, {"gather", {{"of", "t6"}}, true}}, true}},
      },
    },
  },
  bounded = 2,
  maxsize = 3,
  parties = 1,
  seed = 699870734,
  semaphore = 1,
}
