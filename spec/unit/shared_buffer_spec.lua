-- exec.shared_buffer: memory that several Lua states see. What other threads and processes make of it is in the
-- specs of the pools; here a child process stands for them.
local async = require "lacuna"
local await = async.await
local codec = require "lacuna.exec.codec"
local ffi = require "ffi"
local sanitizer = require "spec.support.sanitizer"
local shell = require "spec.support.shell"
local virtual = require "spec.support.virtual"

local function raised(...) return virtual.raised(...).message end

describe("SharedBuffer", function()
  it("is as large as asked for, and zero", function()
    local buffer = async.SharedBuffer(100)
    assert.equal(100, buffer.bytes)
    assert.equal("<SharedBuffer of 100 bytes>", tostring(buffer))
    local view = buffer:view()
    assert.equal(100, #view)
    for i = 0, 99 do assert.equal(0, view[i]) end
  end)

  it("shows the same bytes to all its views", function()
    local buffer = async.SharedBuffer(16)
    local numbers, bytes, second = buffer:view("double"), buffer:view("uint8_t"), buffer:view("double", 8, 1)
    numbers[1] = 1
    assert.equal(2, #numbers)
    assert.equal(0x3f, bytes[15])
    assert.equal(1, second[0])
    assert.equal(1, ffi.cast("double *", buffer:pointer())[1])
  end)

  it("refuses an index outside of a view", function()
    local view = async.SharedBuffer(8):view("int32_t")
    assert.equal("SharedBuffer view: index 2 is outside 0 … 1", raised(async.ValueError, function() return view[2] end))
    assert.equal("SharedBuffer view: index -1 is outside 0 … 1", raised(async.ValueError, function() view[-1] = 0 end))
    assert.equal("SharedBuffer view: number expected as index, got x",
      raised(async.ValueError, function() return view.x end))
    raised(async.ValueError, function() return view[0 / 0] end)
    raised(async.ValueError, function() return view:add(2, 1) end)
    raised(async.ValueError, function() return view:load(2) end)
    raised(async.ValueError, function() return view:store(2, 1) end)
    raised(async.ValueError, function() return view:compare_exchange(2, 1, 1) end)
  end)

  it("refuses views that do not fit", function()
    local buffer = async.SharedBuffer(16)
    assert.equal("SharedBuffer: no 3 elements of type double from byte 0 on in 16 bytes",
      raised(async.ValueError, buffer.view, buffer, "double", 0, 3))
    raised(async.ValueError, buffer.view, buffer, "double", 4)
    raised(async.ValueError, buffer.view, buffer, "double", -8)
    raised(async.ValueError, buffer.view, buffer, "double", 24)
  end)

  for _, element in ipairs {"int32_t", "uint32_t", "int64_t", "uint64_t", "double"} do
    it("adds, reads, writes and exchanges atomically for " .. element, function()
      local view = async.SharedBuffer(64):view(element)
      assert.equal(0, view:add(3, 5))
      assert.equal(5, view:add(3, 2))
      assert.equal(7, view:load(3))
      assert.equal(7, view:compare_exchange(3, 6, 1))
      assert.equal(7, view:compare_exchange(3, 7, 1))
      assert.equal(1, view:load(3))
      view:store(3, 9)
      assert.equal(9, tonumber(view[3]))
      assert.equal(0, tonumber(view[2]) + tonumber(view[4]))
    end)
  end

  it("has no atomic operations for other types", function()
    local view = async.SharedBuffer(64):view("uint8_t")
    assert.is_truthy(raised(async.TypeError, view.add, view, 0, 1):find("not uint8_t", 1, true))
  end)

  it("refuses what is no number of bytes", function()
    raised(async.TypeError, async.SharedBuffer, "x")
    for _, bytes in ipairs {0, -1, 1.5, 0 / 0, math.huge} do raised(async.ValueError, async.SharedBuffer, bytes) end
  end)

  local show = sanitizer.is_for_threads and pending or it
  show("raises OSError for more than the system has", function()
    local buffers = {} -- addresses have 47 bits: there is no room for two halves
    local _, err = pcall(function()
      for half = 1, 2 do buffers[half] = async.SharedBuffer(2 ^ 46) end
    end)
    assert.is_true(async.isinstance(err, async.OSError))
    assert.equal("ENOMEM", err.code)
    assert.equal(1, #buffers)
  end)

  it("lives as long as one of its views", function()
    local view = async.SharedBuffer(8):view("double")
    view[0] = 7
    collectgarbage()
    collectgarbage()
    assert.equal(7, view[0])
  end)

  it("is empty once it is closed", function()
    local buffer = async.SharedBuffer(8)
    local view = buffer:view("double")
    buffer:close()
    buffer:close()
    assert.equal(0, #view)
    assert.equal("SharedBuffer view: index 0 of an empty view", raised(async.ValueError, function() return view[0] end))
    raised(async.ValueError, buffer.view, buffer)
    raised(async.ValueError, codec.encode, buffer)
  end)

  it("is itself where it comes back to", function()
    local buffer = async.SharedBuffer(8)
    local view = buffer:view("double")
    view[0] = 3
    local same, copy = codec.decode(codec.encode(buffer, view))
    assert.equal(buffer, same)
    assert.equal(3, copy[0])
    assert.equal(view.data, copy.data)
  end)

  it("is kept until what was sent has been received", function()
    local message = codec.encode_message({result = async.SharedBuffer(8)})
    collectgarbage()
    collectgarbage()
    assert.equal(8, codec.decode(message).result.bytes)
    codec.discard(codec.encode_message(async.SharedBuffer(8)))
  end)

  it("says that its sender has let go of it", function()
    local buffer = async.SharedBuffer(8)
    local message, kept = codec.encode_call(print, buffer)
    assert.same({buffer}, kept)
    buffer:close()
    local ok, err = pcall(codec.decode, message)
    assert.is_false(ok)
    assert.is_true(async.isinstance(err, async.OSError), tostring(err))
  end)

  it("is seen by threads, whose atomic sums lose nothing", function()
    local counter = async.SharedBuffer(8):view("int64_t")
    async.with(async.ThreadPoolExecutor(2), function(pool)
      local function count()
        for _ = 1, 20000 do counter:add(0, 1) end
      end
      await(pool:map(count, {1, 2, 3, 4}))
    end)
    assert.equal(80000, counter:load(0))
  end)

  it("comes back from the thread that made it", function()
    async.with(async.ThreadPoolExecutor(1), function(pool)
      local view = await(pool:submit(function()
        local made = async.SharedBuffer(8):view("double")
        made[0] = 42
        return made
      end))
      await(pool:submit(collectgarbage))
      assert.equal(42, view[0])
    end)
  end)

  it("is seen by a child process", function()
    local buffer = async.SharedBuffer(80)
    local view = buffer:view("double", 8)
    local path = os.tmpname()
    shell.write_file(path, (codec.encode_call(function()
      for i = 0, #view - 1 do view[i] = i * i end
      view:add(0, 100)
    end)))
    local ran = shell.run(("%s -e %s %s"):format(os.getenv("LACUNA"), shell.quote [[
      local file = assert(io.open(arg[1], "rb"))
      require("lacuna.exec.codec").decode(file:read("*a"))()
    ]], path))
    os.remove(path)
    assert.equal("", ran.stderr)
    assert.equal(9, #view)
    assert.equal(100, view[0])
    assert.equal(64, view[8])
  end)
end)
