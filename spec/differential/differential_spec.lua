-- differential: programs that are written twice, NAME.py for CPython 3.11 and NAME.lua, must print the same.
-- Time is virtual in both. A pair is pending where there is no CPython 3.11.
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local FOLDER = "spec/differential"

local lacuna = os.getenv("LACUNA") or "lacuna"
local python = os.getenv("PYTHON") or "python3"
local has_python = shell.run(python .. " -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'").status == 0

describe("CPython 3.11 and lacuna print the same for", function()
  for _, path in ipairs(tree.files(FOLDER, ".py")) do
    local program = path:gsub("%.py$", "")
    local name = program:match("[^/]+$")
    if name ~= "virtual_clock" then
      it(name, function()
        if not has_python then return pending("CPython 3.11 is not there") end
        local expected = shell.run(("PYTHONDONTWRITEBYTECODE=1 %s %s.py"):format(python, program))
        local actual = shell.run(("%s --clock=virtual %s.lua"):format(lacuna, program))
        assert.equal(0, expected.status, expected.stderr)
        assert.is_true(#expected.stdout > 0)
        assert.equal(expected.stdout, actual.stdout)
      end)
    end
  end
end)
