-- layout: the array fields of the kernel's objects.
-- A Future, a Task, a coroutine object and a loop keep what every wait touches in the array part of their table: one
-- allocation each, half the memory of named fields, and C reaches the few that it needs by number. What is rare is a
-- named field. A table constructor ends with a constant, or has none: bytecode cuts a table off after its last
-- constant, and each one made from it would be enlarged again. host/core/loop.h has the same numbers for READY,
-- WAITS_FOR and a handle's SLOT.

return {
  PLACE = 0, -- of a coroutine object and a Future: where a list that was gathered had it first, or where its group has
  -- it (async/gather.lua, async/taskgroup.lua); whoever reads it looks whether it is still there

  -- Future and Task
  STATE = 1, -- one of the states below
  RESULT = 2, -- RETURNED: the value; RETURNED_MANY: a packed list; FAILED: the error; CANCELLED: the CancelledError
  PREVIOUS_IN_LINE = 2, -- of a Task that waits in a line (async/waiters.lua), and so is pending: who stands before it
  LOOP = 3,
  CALLBACK = 4, -- the first to call when done: a waiting Task, a function, or false
  CALLBACKS = 5, -- a list of the others, or false
  -- Task
  THREAD = 6, -- false until it has started and after it has ended; not false in anything else with :run()
  WAITS_FOR = 7, -- the Future or line it waits for, the slot of its sleep, true once that is cancelled, or false
  MUST_CANCEL = 8, -- what to raise at the next step: a message, true, or false
  CANCEL_COUNT = 9, -- requests to cancel less those taken back
  DEPTH = 10, -- coroutine objects being awaited inline, one below the other
  COROUTINE = 11, -- what it runs
  NAME = 12, -- a string, or the number of an unnamed task
  PREVIOUS = 13, -- the ring of pending tasks in order of creation; the loop stands between the last and the first
  NEXT = 14,
  NEXT_IN_LINE = 15, -- who stands behind it; one field more, and LuaJIT would make the table of two allocations

  PENDING = 1,
  RETURNED = 2,
  RETURNED_MANY = 3,
  FAILED = 4,
  CANCELLED = 5,

  -- coroutine object: arguments follow
  FUNCTION = 1,
  COUNT = 2, -- of arguments while it has not been started; then the negative number of its start, or CLOSED
  FIRST_ARGUMENT = 3,
  CLOSED = -1, -- without ever having been started

  -- handle: a callback with its arguments; LOOP is at 3 as in a Future, what is at THREAD is not false
  SLOT = 1, -- of its timer, while that is armed
  IS_CANCELLED = 2,
  ARGUMENT_COUNT = 4,
  DEADLINE = 5,
  CALLEE = 6,
  ARGUMENTS = 7,

  -- loop
  READY = 1, -- the ready list that is being filled; READY[0] counts its entries
  NATIVE = 2, -- the scheduler's side of the loop
}
