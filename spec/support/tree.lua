-- tree: the project's own files, for the specs that read them. Paths are relative to its top, where specs run.
local lfs = require "lfs"

local tree = {}

---The paths of the files below a folder whose name ends in `ending`, sorted; none if the folder does not exist.
---@param folder string
---@param ending string such as ".lua"
---@return string[]
function tree.files(folder, ending)
  local found = {}
  local function visit(path)
    for name in lfs.dir(path) do
      local child = path .. "/" .. name
      local mode = lfs.attributes(child, "mode")
      if mode == "directory" and name ~= "." and name ~= ".." then
        visit(child)
      elseif mode == "file" and name:sub(-#ending) == ending then
        found[#found + 1] = child
      end
    end
  end
  if lfs.attributes(folder, "mode") == "directory" then visit(folder) end
  table.sort(found)
  return found
end

---The text of a file; raises if it cannot be read.
---@param path string
---@return string
function tree.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

return tree
