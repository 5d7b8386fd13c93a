-- sanitizer: what a spec cannot show in a build that a sanitizer watches.
local sanitizer = {}

local name = os.getenv("LACUNA_SANITIZE")

---`it`, or `pending` under ThreadSanitizer: that keeps a signal back until the thread it is for calls a function that
---the sanitizer knows, which compiled Lua code never does: nothing there interrupts code that computes for ever.
sanitizer.it_interrupts = name == "thread" and pending or it

---`it`, or `pending` under ThreadSanitizer, which takes most of the address space.
sanitizer.it_has_room = name == "thread" and pending or it

return sanitizer
