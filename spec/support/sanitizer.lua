-- sanitizer: what a spec cannot show in a build that a sanitizer watches.
local sanitizer = {}

---ThreadSanitizer keeps a signal back until the thread it is for calls a function that it knows, which compiled Lua
---code never does: nothing interrupts code there that computes for ever. It also takes most of the address space.
sanitizer.is_for_threads = os.getenv("LACUNA_SANITIZE") == "thread"

return sanitizer
