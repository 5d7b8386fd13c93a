-- report: what a person reads of an error.
-- The error, the stack of where it was made, the tasks that waited for it, its causes; the errors of a group below it,
-- indented.

local errors = require "lacuna.kernel.errors"
local interruption = require "lacuna.async.interruption"
local native = require "lacuna.native.output"

local report = {}

local function indent(text)
  return "  | " .. text:gsub("\n", "\n  | ")
end

-- A raised value that is no error object: a string says it itself.
local function describe_value(value)
  if type(value) == "string" then
    local attempt = value:match("^%[lacuna%.[^]]*%]:0: attempt to (.*)") -- something of ours got a strange object
    local is_strange = attempt and (attempt:find("^index") or attempt:find("^call method"))
    return is_strange and value .. " (was a method called with a dot where a colon is meant?)" or value
  end
  local class = getmetatable(value)
  if type(class) == "table" and rawget(class, "__tostring") then
    local is_told, text = pcall(tostring, value)
    if is_told and type(text) == "string" then return text end
  end
  return ("error with %s as its value"):format(value == nil and "nil" or "a " .. type(value))
end

local function describe(err, seen)
  if not errors.isinstance(err, errors.BaseError) then return tostring(err) end
  if seen[err] then return tostring(err) .. " (shown above)" end
  seen[err] = true
  local parts = { err.is_wrapped and describe_value(err.value) or tostring(err) }
  if err.traceback ~= "" then parts[#parts + 1] = "stack traceback:\n" .. err.traceback end
  if err.errors then
    for i, inner in ipairs(err.errors) do
      parts[#parts + 1] = indent(("[%d] %s"):format(i, describe(inner, seen)))
    end
  end
  if err.cause ~= nil then parts[#parts + 1] = "caused by " .. describe(err.cause, seen) end
  return table.concat(parts, "\n")
end

--- An error with its stack, the errors it groups and its causes, in lines.
---@param err any
---@return string
function report.describe(err)
  return describe(err, {})
end

--- Reports an error: to the program that embeds the runtime, if it takes errors, or to the log.
---@param context string what has failed; "" for the script itself
---@param err lacuna.BaseError
function report.failure(context, err)
  native.report(context, err.name, err.message, err.traceback, report.describe(err))
end

--- Reports an error that nobody handles: the default exception handler of every loop.
---@param context {message: string, exception?: lacuna.BaseError, task?: lacuna.Task, future?: lacuna.Future}
function report.unhandled(context)
  if context.exception and context.exception == interruption.callback_error then return end
  local message = context.message or "Unhandled exception in event loop"
  local source = context.task or context.future
  if source then message = message .. ": " .. tostring(source) end
  if context.exception == nil then native.log(message) else report.failure(message, errors.wrap(context.exception)) end
end

return report
