-- embedding_doc: the programs in docs/embedding.md are those that are built and run (spec/host/embed_spec.lua).
local tree = require "spec.support.tree"

local DOC = "docs/embedding.md"

describe(DOC, function()
  local text = tree.read(DOC)

  it("shows each program as it is", function()
    local count = 0
    for path, shown in text:gmatch("%(%.%./(spec/host/embed/[%w_.]+)%)\n\n```%w+\n(.-)```\n") do
      assert.message(path).equal(tree.read(path), shown)
      count = count + 1
    end
    assert.is_true(count >= 8)
    local _, block_count = text:gsub("\n```%l+\n", "")
    assert.equal(block_count, count)
  end)

  it("and the README show the same first program", function()
    local shown = tree.read("README.md"):match("```c\n(.-)```")
    assert.equal((tree.read("spec/host/embed/hello.c"):gsub("^/%*.-%*/\n", "")), shown)
  end)

  it("leads to files that exist", function()
    for path in text:gmatch("%]%(%.%./([^)]+)%)") do
      local file = io.open(path)
      assert.message(path).truthy(file)
      file:close()
    end
  end)

  it("names no function that the header has not", function()
    local header = tree.read("host/include/lacuna.h")
    local unknown = {}
    for name in text:gmatch("`?(lacuna_[%l_]+)") do
      if not header:find("%f[%w_]" .. name .. "%f[^%w_]") then unknown[#unknown + 1] = name end
    end
    assert.same({}, unknown)
  end)
end)
