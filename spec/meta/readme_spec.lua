-- readme: every Lua block of README.md, and of docs that are made of scripts, runs and ends with status 0; where a text
-- block follows, it is what was printed.
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local LACUNA = assert(os.getenv("LACUNA"), "LACUNA names the binary under test")

-- {line =, source =, output = or nil} for each block; `line` is where it stands in the README.
local function examples(readme)
  local found = {}
  local block -- the block we are in: its language and lines
  local example -- the last Lua block, while only blank lines have followed it
  local line_number = 0
  for line in readme:gmatch("([^\n]*)\n") do
    line_number = line_number + 1
    local language = line:match("^```(%w*)")
    if block and line == "```" then
      local text = table.concat(block.lines, "\n") .. "\n"
      if block.language == "lua" then
        example = {line = block.line, source = text}
        found[#found + 1] = example
      elseif example and (block.language == "text" or block.language == "output") then
        example.output = text
        example = nil
      end
      block = nil
    elseif block then
      block.lines[#block.lines + 1] = line
    elseif language then
      block = {language = language, line = line_number, lines = {}}
    elseif line:find("%S") then
      example = nil
    end
  end
  return found
end

for _, document in ipairs {"README.md", "docs/executors.md"} do
  describe("the examples of " .. document, function()
    for _, example in ipairs(examples(tree.read(document))) do
      it("run: line " .. example.line, function()
        local path = os.tmpname()
        shell.write_file(path, example.source)
        local result = shell.run(shell.quote(LACUNA) .. " " .. path)
        os.remove(path)
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
        if example.output then assert.equal(example.output, result.stdout) end
      end)
    end
  end)
end
