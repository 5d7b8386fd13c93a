-- The gather ended where its first child, done already, was called back, and so before what stood in between.
return {
  body = {
    {"cancel", "f1", "n"},
    {
      "spawn",
      "t3",
      {
        {
          "spawn",
          "t4",
          {
            {"await", {"gather", {{"of", "f1"}, {"of", "t7"}}, true}},
            {"timeout", 0, {{"await", {"sleep", 1, 0}}}},
          },
        },
      },
    },
    {"await", {"sleep", 0, 0}},
    {"spawn", "t7", {{"spawn", "t8", {{"await", {"gather", {{"gather", {{"of", "f1"}}, true}}, true}}}}}},
    {"await", {"sleep", 1, 0}},
  },
  bounded = 2,
  maxsize = 1,
  parties = 2,
  seed = 937639613,
  semaphore = 2,
}
