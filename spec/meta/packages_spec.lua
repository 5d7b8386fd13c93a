-- packages: the README shows the list that .ci/packages holds, row by row.
local tree = require "spec.support.tree"

describe("the table of packages in the README", function()
  it("equals .ci/packages", function()
    local rows = {}
    for line in tree.read(".ci/packages"):gmatch("[^\n]+") do
      local stage, package, reason = line:match("^(%l+)%s+(%S+)%s+(.+)$")
      if stage then rows[#rows + 1] = ("| `%s` | %s | %s |"):format(package, stage, reason) end
    end
    local shown = {}
    for row in tree.read("README.md"):gmatch("| `[%w.+-]+` | %l+ | [^\n]+ |") do shown[#shown + 1] = row end
    assert.same(rows, shown)
  end)
end)
