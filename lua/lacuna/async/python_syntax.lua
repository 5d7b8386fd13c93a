-- python_syntax: what a line that is no Lua, but would be Python, is in Lua.
-- It reads one line after Lua's compiler has refused it, and only adds to what the compiler says.

local python_syntax = {}

-- Pattern of a line -> what to write. The first that matches counts.
local cures = {
  { "%f[%w_]async%s+with%f[^%w_]", "async.with(manager, function(value) … end)" },
  { "%f[%w_]async%s+for%f[^%w_]", "for x in iterator do … end, which may await" },
  { "%f[%w_]async%s+def%f[^%w_]", "local name = async(function(…) … end)" },
  { "%f[%w_]async%s+function%f[^%w_]", "local name = async(function(…) … end)" },
  { "^%s*async%s+[%a_]", "local name = async(function(…) … end)" },
  { "%f[%w_]await%s+[%a_]", "await(…): it is a function" },
  { "^%s*import%s+asyncio%f[^%w_]", ("local async = require %q"):format("lacuna") },
  { "^%s*except%f[^%w_]", "async.try(body, {[Class] = function(err) … end, finally = function() … end})" },
  { "^%s*raise%s+[%a_]", "error(Class(message))" },
}

local function line_at(text, number)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number - 1
    if number == 0 then return line end
  end
  return ""
end

--- What the compiler says, and what to write instead where the line looks like Python.
---@param problem string "script.lua:3: … expected near …"
---@param text string what was compiled
---@return string
function python_syntax.explain(problem, text)
  local number = tonumber(problem:match(":(%d+): "))
  local line = number and line_at(text, number) or ""
  for _, cure in ipairs(cures) do
    if line:find(cure[1]) then return ("%s (in Lua: %s)"):format(problem, cure[2]) end
  end
  return problem
end

return python_syntax
