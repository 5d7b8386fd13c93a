-- Generated programs: random small ones run under CPython and under lacuna, and their traces must agree. A case that
-- once differed is in cases/ and runs every time. LACUNA_SEED fixes the programs, LACUNA_PROGRAMS their number.

local comparison = require "spec.generated.comparison"
local generator = require "spec.generated.generator"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local COUNT = tonumber(os.getenv("LACUNA_PROGRAMS")) or 2000
local BATCH = 2000 -- programs that one CPython and one lacuna run
local MOST_SHRUNK = 3

local python = comparison.find_python()

-- Writes a program that diverges into the folder of cases.
local function keep(divergence)
  local path = ("spec/generated/cases/seed_%d.lua"):format(divergence.program.seed)
  shell.write_file(path, comparison.case(divergence))
  return path
end

-- Fails with what diverged, shrunk.
local function expect_none(divergences)
  local parts = {}
  for i = 1, math.min(#divergences, MOST_SHRUNK) do
    local shrunk = comparison.shrink(python, divergences[i])
    parts[i] = ("kept as %s\n%s"):format(keep(shrunk), comparison.describe(shrunk))
  end
  if #parts > 0 then
    error(("%d programs differ between CPython and lacuna\n%s"):format(#divergences, table.concat(parts, "\n")), 0)
  end
end

describe("generated programs", function()
  if not python then
    pending("run under CPython 3.11, which is not here")
    return
  end

  it("that once differed from CPython agree with it", function()
    local programs = {}
    for _, path in ipairs(tree.files("spec/generated/cases", ".lua")) do programs[#programs + 1] = dofile(path) end
    local described = {}
    for i, divergence in ipairs(comparison.run(python, programs)) do
      described[i] = comparison.describe(divergence)
    end
    assert.equal("", table.concat(described, "\n"))
  end)

  local master = tonumber(os.getenv("LACUNA_SEED")) or os.time()
  it(("made from LACUNA_SEED=%d run as under CPython"):format(master), function()
    print(("%d programs, LACUNA_SEED=%d"):format(COUNT, master))
    local random = generator.random(master)
    local divergences = {}
    for first = 1, COUNT, BATCH do
      local programs = {}
      for i = 1, math.min(BATCH, COUNT - first + 1) do programs[i] = generator.program(random(2 ^ 31 - 2)) end
      for _, divergence in ipairs(comparison.run(python, programs)) do divergences[#divergences + 1] = divergence end
    end
    expect_none(divergences)
  end)
end)
