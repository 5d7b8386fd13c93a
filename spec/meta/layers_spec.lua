-- layers: every #include of the host and every require of the Lua half points down, or to the same layer.
--   C    cli > mod, embed > core > base; a module of mod/ sees no header of another family (curl_*.h is one family)
--   Lua  cli > the face > protocols and batteries > io > async, debug > kernel; nothing requires testing
local tree = require "spec.support.tree"

local C_RANK = {base = 1, core = 2, embed = 3, mod = 3, cli = 4}
local LUA_RANK = {kernel = 1, async = 2, debug = 2, io = 3, cli = 6}
local BATTERY_RANK, FACE_RANK = 4, 5

local function c_family(path)
  return path:match("mod/(%a[%a%d]*)")
end

-- "lacuna.kernel.task" belongs to kernel, "lacuna.html" and "lacuna.http.session" are batteries, "lacuna" is the face.
local function lua_layer(module)
  local folder = module:match("^lacuna%.([%w_]+)")
  return folder or "the face"
end

local function lua_rank(module)
  if module == "lacuna" then return FACE_RANK end
  return LUA_RANK[lua_layer(module)] or BATTERY_RANK
end

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function without_comments(source)
  return (source:gsub("%-%-%[%[.-%]%]", ""):gsub("%-%-[^\n]*", ""))
end

describe("the layers of the host", function()
  local function edges(path)
    local found = {}
    for header in tree.read(path):gmatch('#%s*include%s+"([^"]+)"') do found[#found + 1] = header end
    return found
  end

  local sources = tree.files("host", ".c")
  for _, path in ipairs(tree.files("host", ".h")) do sources[#sources + 1] = path end

  it("have no #include that points up", function()
    local wrong = {}
    for _, path in ipairs(sources) do
      local from = path:match("^host/(%a+)/")
      for _, header in ipairs(edges(path)) do
        local to = header:match("^(%a+)/")
        if to and C_RANK[from] and (not C_RANK[to] or C_RANK[to] > C_RANK[from]) then
          wrong[#wrong + 1] = path .. " includes " .. header
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("name every header by its folder, so that the rule above can see it", function()
    local wrong = {}
    for _, path in ipairs(sources) do
      for _, header in ipairs(edges(path)) do
        if header ~= "lacuna.h" and not header:find("/") then wrong[#wrong + 1] = path .. " includes " .. header end
      end
    end
    assert.same({}, wrong)
  end)

  it("keep the modules of mod/ apart", function()
    local wrong = {}
    for _, path in ipairs(tree.files("host/mod", "")) do
      for _, header in ipairs(edges(path)) do
        local family = c_family(header)
        if family and family ~= c_family(path) then wrong[#wrong + 1] = path .. " includes " .. header end
      end
    end
    assert.same({}, wrong)
  end)

  it("keep Lua and libuv out of base/", function()
    local wrong = {}
    for _, path in ipairs(tree.files("host/base", "")) do
      local header = tree.read(path):match("#%s*include%s+[<\"]([lu][uav]%w*%.h)")
      if header then wrong[#wrong + 1] = path .. " includes " .. header end
    end
    assert.same({}, wrong)
  end)
end)

describe("the layers of the Lua half", function()
  local function edges(path)
    local found = {}
    for module in without_comments(tree.read(path)):gmatch("require%s*%(?%s*[\"']([%w_.]+)[\"']") do
      found[#found + 1] = module
    end
    return found
  end

  local function wrong_edges(is_wrong)
    local wrong = {}
    for _, path in ipairs(tree.files("lua", ".lua")) do
      for _, module in ipairs(edges(path)) do
        if is_wrong(module_of(path), module) then wrong[#wrong + 1] = path .. " requires " .. module end
      end
    end
    return wrong
  end

  local function is_ours(module)
    return (module == "lacuna" or module:find("^lacuna%.")) and not module:find("^lacuna%.native%.")
  end

  it("have no require that points up", function()
    assert.same({}, wrong_edges(function(from, to)
      return is_ours(to) and lua_rank(to) > lua_rank(from)
    end))
  end)

  it("leave testing to specs and scripts", function()
    assert.same({}, wrong_edges(function(from, to)
      return lua_layer(to) == "testing" and lua_layer(from) ~= "testing"
    end))
  end)

  it("let the kernel see the scheduler and nothing else of the host", function()
    assert.same({}, wrong_edges(function(from, to)
      return lua_layer(from) == "kernel" and not is_ours(to) and to ~= "lacuna.native.scheduler"
        and (to == "luv" or to:find("^lacuna%.native%."))
    end))
  end)
end)
