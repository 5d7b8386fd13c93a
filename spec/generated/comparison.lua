-- comparison: runs programs under CPython and under lacuna and finds those whose traces differ.
-- All programs of a call run in one CPython and one lacuna, side by side. What ends lacuna itself differs, and what is
-- behind it is not looked at.

local notation = require "spec.generated.notation"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local comparison = {}

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")
local LIMIT_SECONDS = 300
local MOST_SHOWN = 12 -- lines of a trace from where it differs
local SHRINK_SECONDS = 20
local AT_ONCE = 60 -- simpler programs that are tried in one run

---The command of a CPython whose asyncio is the contract, 3.11; nil if there is none.
---@return string?
function comparison.find_python()
  for _, name in ipairs { "python3.11", "python3", "/usr/bin/python3" } do
    if shell.run(name .. " -c 'import sys; assert sys.version_info[:2] == (3, 11)'").status == 0 then return name end
  end
  return nil
end

local function write_lines(path, programs, write)
  local file = assert(io.open(path, "w"))
  for _, program in ipairs(programs) do file:write(write(program), "\n") end
  file:close()
end

local function traces_in(output)
  local traces = {}
  for number, trace in output:gmatch("program (%d+)\n(.-)\ndone\n") do traces[tonumber(number)] = trace end
  return traces
end

---@class Divergence
---@field program table
---@field expected string the trace under CPython
---@field actual string the trace under lacuna, or what it wrote on stderr instead

---Runs programs under both.
---@param python string the command of CPython
---@param programs table[]
---@return Divergence[] in the order of the programs
function comparison.run(python, programs)
  local folder = shell.make_folder()
  write_lines(folder .. "/programs.json", programs, notation.json)
  write_lines(folder .. "/programs.lua", programs, notation.lua)
  shell.run(("F=%s; %s -B spec/generated/interpreter.py $F/programs.json >$F/expected 2>&1 & "):format(folder, python)
    .. ("F=%s; %s --clock=virtual spec/generated/interpreter.lua $F/programs.lua >$F/actual 2>$F/stderr; wait"):format(
      folder, LACUNA), LIMIT_SECONDS)
  local python_output, lacuna_output = tree.read(folder .. "/expected"), tree.read(folder .. "/actual")
  local stderr = tree.read(folder .. "/stderr")
  shell.run("rm -r " .. shell.quote(folder))
  local expected, actual = traces_in(python_output), traces_in(lacuna_output)
  local found = {}
  for i, program in ipairs(programs) do
    if not expected[i] then error("no trace from CPython: " .. python_output:sub(-2000), 0) end
    if not next(actual) then error("no trace from lacuna: " .. stderr:sub(1, 2000), 0) end
    if expected[i] ~= actual[i] then
      found[#found + 1] = {
        program = program, expected = expected[i], actual = actual[i] or "no trace: " .. stderr:sub(1, 2000),
      }
    end
    if not actual[i] then break end
  end
  return found
end

-- ---- shrinking ----

local function copy(value)
  if type(value) ~= "table" then return value end
  local copied = {}
  for key, item in pairs(value) do copied[key] = copy(item) end
  return copied
end

local function splice(list, index, items)
  table.remove(list, index)
  for i, item in ipairs(items) do table.insert(list, index + i - 1, copy(item)) end
end

-- Calls visit(simpler program) for each that is one change simpler.
local function each_simpler(program, visit)
  -- `value` is in the copy what `original` is in the program; change(edit) copies, edits there and visits.
  local function walk(original, find)
    local function change(edit)
      local simpler = copy(program)
      edit(find(simpler))
      visit(simpler)
    end
    for index, item in ipairs(original) do
      local is_list = not notation.is_node(original)
      if is_list then change(function(list) table.remove(list, index) end) end
      if type(item) == "number" and item > 1 then change(function(node) node[index] = 1 end) end
      if type(item) == "number" and item > 0 then change(function(node) node[index] = item - 1 end) end
      if type(item) == "table" then
        for _, inner in ipairs(item) do
          if type(inner) == "table" and notation.is_node(item) then
            if not notation.is_node(inner) and is_list and item[1] ~= "as_completed" then
              change(function(list) splice(list, index, inner) end) -- a block's steps in its place
            elseif item[1] == "shield" or item[1] == "wait_for" then
              change(function(list) list[index] = copy(inner) end) -- what was awaited through it
            end
          end
        end
        walk(item, function(root) return find(root)[index] end)
      end
    end
  end
  walk(program.body, function(root) return root.body end)
end

-- The first of the programs that diverges.
local function find_divergence(python, programs)
  for first = 1, #programs, AT_ONCE do
    local found = comparison.run(python, { unpack(programs, first, math.min(#programs, first + AT_ONCE - 1)) })
    if found[1] then return found[1] end
  end
  return nil
end

---Makes a program that diverges as small as it can be while it still does, in the time there is.
---@param python string
---@param divergence Divergence
---@return Divergence
function comparison.shrink(python, divergence)
  local deadline = os.time() + SHRINK_SECONDS
  while os.time() < deadline do
    local simpler, length = {}, {}
    each_simpler(divergence.program, function(program)
      simpler[#simpler + 1] = program
      length[program] = #notation.lua(program)
    end)
    table.sort(simpler, function(a, b) return length[a] < length[b] end)
    local found = find_divergence(python, simpler)
    if not found then break end
    divergence = found
  end
  return divergence
end

-- The lines of both traces up to the first that differs, and of each from there on.
local function part(divergence)
  local expected, actual, same = {}, {}, {}
  for line in divergence.expected:gmatch("[^\n]+") do expected[#expected + 1] = line end
  for line in divergence.actual:gmatch("[^\n]+") do actual[#actual + 1] = line end
  while expected[1] and expected[1] == actual[1] do
    same[#same + 1] = table.remove(expected, 1)
    table.remove(actual, 1)
  end
  return same, expected, actual
end

---A divergence for a reader: the program, and the traces from where they differ.
---@param divergence Divergence
---@return string
function comparison.describe(divergence)
  local same, expected, actual = part(divergence)
  return ("seed %d\n%s\n-- both\n%s\n-- CPython\n%s\n-- lacuna\n%s\n"):format(
    divergence.program.seed, notation.listing(divergence.program), table.concat(same, "\n"),
    table.concat(expected, "\n", 1, math.min(#expected, MOST_SHOWN)),
    table.concat(actual, "\n", 1, math.min(#actual, MOST_SHOWN)))
end

---A divergence as the text of a case file.
---@param divergence Divergence
---@return string
function comparison.case(divergence)
  local _, expected, actual = part(divergence)
  return table.concat({
    "-- found with seed " .. divergence.program.seed .. ", where the traces parted:",
    "--   CPython: " .. (expected[1] or "ends"):sub(1, 100),
    "--   lacuna:  " .. (actual[1] or "ends"):sub(1, 100),
    "return " .. notation.lines(divergence.program) .. "\n",
  }, "\n")
end

return comparison
