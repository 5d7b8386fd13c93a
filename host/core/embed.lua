-- embed: writes the Lua runtime as one C file of stripped bytecode; run by the build, not part of the program.
--   luajit embed.lua OUTPUT.c ROOT FILE.lua ... [ROOT FILE.lua ...]
-- A module's name is its path below ROOT: lacuna/init.lua is "lacuna", lacuna/kernel/task.lua "lacuna.kernel.task".
-- The table it defines is declared in host/core/modules.h. It writes what it is given and looks for no files itself.

local output = arg[1]

local function module_name(root, path)
  assert(path:sub(1, #root + 1) == root .. "/", path .. " is not below " .. root)
  local name = path:sub(#root + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  return name
end

local function bytecode(path)
  local chunk = assert(loadfile(path))
  return string.dump(chunk, true)
end

-- Rows of 32 numbers: a string literal would be longer than C11 promises to accept.
local function byte_rows(code)
  local rows = {}
  for first = 1, #code, 32 do
    rows[#rows + 1] = table.concat({code:byte(first, first + 31)}, ",")
  end
  return table.concat(rows, ",\n")
end

local modules, root = {}, nil
for i = 2, #arg do
  if arg[i]:find("%.lua$") then
    modules[#modules + 1] = {name = module_name(root, arg[i]), code = bytecode(arg[i])}
  else
    root = arg[i]
  end
end
table.sort(modules, function(a, b) return a.name < b.name end)

local lines = {"/* Written by host/core/embed.lua: do not edit. */", '#include "core/modules.h"'}
for i, module in ipairs(modules) do
  lines[#lines + 1] = ("static const unsigned char code_%d[] = {\n%s};"):format(i, byte_rows(module.code))
end
lines[#lines + 1] = "const lac_embedded lac_embedded_modules[] = {"
for i, module in ipairs(modules) do
  lines[#lines + 1] = ('  {"%s", code_%d, sizeof code_%d},'):format(module.name, i, i)
end
lines[#lines + 1] = "  {NULL, NULL, 0},\n};"
lines[#lines + 1] = ("const size_t lac_embedded_count = %d;\n"):format(#modules)

local file = assert(io.open(output, "w"))
assert(file:write(table.concat(lines, "\n")))
assert(file:close())
