-- interruption: the errors that break off code which never waits.
-- When and where they are raised is the business of host/core/interrupt.h; this file says what they are.

local errors = require "lacuna.kernel.errors"
local native = require "lacuna.native.interrupt"
local scheduler = require "lacuna.native.scheduler"
local trap = require "lacuna.kernel.trap"

local interruption = {
  cancelled = false, -- the task in which a worker's call was broken off, until the call has ended
  task = false, -- what Ctrl-C broke off, until the scheduler tells of the Ctrl-C itself
  callback_error = false, -- what broke off a callback, which was meant to end so: nobody reports it
}

local OUT_OF_MEMORY = scheduler.memory_limit and ("the limit of %d bytes is reached"):format(scheduler.memory_limit)

-- `reason` is "cancelled" for a call in a worker, "step" for Ctrl-C, "memory", or the seconds of a time limit.
native.install(function(reason)
  if type(reason) == "number" then
    return errors.TimeLimitError(("time limit of %g s exceeded"):format(reason))
  end
  if reason == "memory" then return errors.MemoryError(OUT_OF_MEMORY) end
  local task, err = trap.current(), errors.quiet(errors.CancelledError)
  if not task then interruption.callback_error = err end
  if reason == "step" then interruption.task = task else interruption.cancelled = task end
  return err
end)

return interruption
