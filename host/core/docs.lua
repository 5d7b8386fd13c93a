-- docs: writes what the docstrings of the Lua runtime say as one Lua module; run by the build, not part of the program.
--   luajit docs.lua OUTPUT.lua ROOT FILE.lua ...
-- lua/lacuna/cli/docstrings.lua says what is in it.

local output, root = arg[1], arg[2]

package.path = root .. "/?.lua"
local docstrings = require "lacuna.cli.docstrings"

local texts = {}
for i = 3, #arg do
  local name = arg[i]:sub(#root + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  local file = assert(io.open(arg[i]))
  texts[name] = file:read("*a")
  file:close()
end

local index, names = docstrings.index(texts), {}
for name in pairs(index) do names[#names + 1] = name end
table.sort(names)

local lines = {"-- doc_index: written by host/core/docs.lua: do not edit.", "return {"}
for _, name in ipairs(names) do lines[#lines + 1] = ("[%q] = %q,"):format(name, index[name]) end
lines[#lines + 1] = "}\n"

local file = assert(io.open(output, "w"))
assert(file:write(table.concat(lines, "\n")))
assert(file:close())
