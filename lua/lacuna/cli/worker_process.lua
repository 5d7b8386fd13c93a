-- worker_process: the command that a pool of processes starts, and nobody else.

--- Serves the pool until it wants no more.
---@param arguments string[] the pid of the pool's process
---@return integer status
return function(arguments)
  require("lacuna.exec.process_worker").serve(tonumber(arguments[1]))
  return 0
end
