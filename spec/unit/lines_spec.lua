-- lines: what comes in pieces, line by line, to several tasks. The source is one that the spec feeds.
local async = require "lacuna"
local lines_module = require "lacuna.io.lines"
local virtual = require "spec.support.virtual"

local await, sleep = async.await, async.sleep

-- Lines whose source notes whether it is being read; feed(bytes), feed(nil, err) or feed() for the end.
local function open()
  local source = {is_reading = false, open_count = 0}
  local lines = lines_module.new("a line", function(on_bytes)
    source.open_count = source.open_count + 1
    source.feed = function(bytes, err) on_bytes(err, bytes) end
    source.start = function() source.is_reading = true end
    source.stop = function() source.is_reading = false end
    return source
  end)
  return lines, source
end

-- Reads all lines in one task while the pieces arrive, one a turn.
local function read_all(pieces)
  return virtual.run(function()
    local lines, source = open()
    local reader = async.create_task(function()
      local got = {}
      for line in function() return lines:read() end do got[#got + 1] = line end
      return got
    end)
    virtual.turns()
    for _, piece in ipairs(pieces) do
      source.feed(piece)
      virtual.turns(2)
    end
    source.feed()
    return await(reader)
  end)
end

describe("lines", function()
  it("are parted at newlines, wherever the pieces end", function()
    assert.same({"one", "two"}, read_all{"one\ntwo\n"})
    assert.same({"one", "two"}, read_all{"one\ntwo"})
    assert.same({"one", "two"}, read_all{"o", "ne", "\n", "tw", "o\n"})
    assert.same({"", "", "x", ""}, read_all{"\n\nx", "\n\n"})
    assert.same({}, read_all{})
    assert.same({"a\r", "\0b"}, read_all{"a\r\n\0b"})
  end)

  it("are whole whatever the pieces: every split of a text in UTF-8", function()
    local text, expected = "안녕\n세상, e\204\129\n\n끝", {"안녕", "세상, e\204\129", "", "끝"}
    for first = 1, #text do
      for second = first, #text do
        local pieces = {}
        for _, piece in ipairs {text:sub(1, first - 1), text:sub(first, second), text:sub(second + 1)} do
          if piece ~= "" then pieces[#pieces + 1] = piece end
        end
        assert.same(expected, read_all(pieces))
      end
    end
  end)

  it("may be long, in time that grows with their length", function()
    local piece, pieces = ("x"):rep(1000), {}
    for i = 1, 10000 do pieces[i] = piece end
    assert.equal(10000000, #read_all(pieces)[1])
  end)

  it("are read only while somebody waits", virtual.body(function()
    local lines, source = open()
    assert.equal(0, source.open_count)
    local task = async.create_task(function() return lines:read() end)
    virtual.turns()
    assert.is_true(source.is_reading)
    source.feed("one\ntwo\n")
    assert.is_false(source.is_reading)
    assert.equal("one", await(task))
    assert.equal("two", lines:read())
    assert.is_false(source.is_reading)
    assert.equal(1, source.open_count)
  end))

  it("go to several readers in the order of their arrival", virtual.body(function()
    local lines, source = open()
    local order = {}
    local function reader(name)
      return function()
        local line = lines:read()
        order[#order + 1] = name .. "=" .. tostring(line)
      end
    end
    local tasks = {}
    for i, name in ipairs {"a", "b", "c", "d"} do tasks[i] = async.create_task(reader(name)) end
    virtual.turns()
    source.feed("1\n2\n")
    tasks[5] = async.create_task(reader("late"))
    virtual.turns(3)
    source.feed("3\n")
    source.feed("4\n")
    source.feed()
    await(async.gather(tasks))
    assert.same({"a=1", "b=2", "c=3", "d=4", "late=nil"}, order)
  end))

  it("are not lost to a reader that is cancelled", virtual.body(function()
    local lines, source = open()
    local first = async.create_task(function() return lines:read() end)
    local second = async.create_task(function() return lines:read() end)
    virtual.turns()
    first:cancel()
    virtual.turns(2)
    assert.is_true(source.is_reading)
    source.feed("one\ntwo\n")
    assert.equal("one", await(second))
    assert.equal("two", lines:read())
  end))

  it("are not lost to one that is cancelled as its line arrives", virtual.body(function()
    local lines, source = open()
    local first = async.create_task(function() return lines:read() end)
    local second = async.create_task(function() return lines:read() end)
    virtual.turns()
    source.feed("one\ntwo\n")
    first:cancel()
    assert.equal("one", await(second))
    assert.is_true(first:cancelled())
    assert.equal("two", lines:read())
  end))

  it("stop being read when the last reader is cancelled", virtual.body(function()
    local lines, source = open()
    local ok, err = pcall(await, async.wait_for(function() return lines:read() end, 5))
    assert.is_false(ok)
    assert.is_true(async.isinstance(err, async.TimeoutError))
    assert.is_false(source.is_reading)
    source.feed("one\n") -- what was under way still arrives
    assert.equal("one", lines:read())
  end))

  it("give nil at the end, again and again", virtual.body(function()
    local lines, source = open()
    async.create_task(function()
      virtual.turns()
      source.feed()
    end)
    assert.is_nil(lines:read())
    assert.is_nil(lines:read())
  end))

  it("raise an error after the lines that came before it", virtual.body(function()
    local lines, source = open()
    async.create_task(function()
      virtual.turns()
      source.feed("one\nrest")
      source.feed(nil, async.OSError("gone"))
    end)
    assert.equal("one", lines:read())
    assert.equal("rest", lines:read())
    assert.equal("gone", virtual.raised(async.OSError, lines.read, lines).message)
  end))

  it("are read all at once as they came", function()
    for _, text in ipairs {"", "one", "one\n", "one\n\ntwo", "\n\n", "한\r\n\0"} do
      for split = 1, #text do
        virtual.run(function()
          local lines, source = open()
          local task = async.create_task(function() return lines:read_all() end)
          virtual.turns()
          source.feed(text:sub(1, split))
          virtual.turns(2)
          if split < #text then source.feed(text:sub(split + 1)) end
          source.feed()
          assert.equal(text, await(task))
          assert.equal("", lines:read_all())
        end)
      end
    end
  end)

  it("are given back by one that is cancelled while it reads all", virtual.body(function()
    local lines, source = open()
    local task = async.create_task(function() return lines:read_all() end)
    virtual.turns()
    source.feed("one\ntwo\nthr")
    virtual.turns(2)
    task:cancel()
    virtual.turns(2)
    assert.is_true(task:cancelled())
    assert.equal("one", lines:read())
    async.create_task(function()
      virtual.turns()
      source.feed("ee\nrest")
      source.feed()
    end)
    assert.equal("two\nthree\nrest", lines:read_all())
  end))

  it("may be read from one loop after the other", function()
    local lines, source = open()
    for i = 1, 3 do
      virtual.run(function()
        async.create_task(function()
          await(sleep(1))
          source.feed(i .. "\n")
        end)
        local readers = {}
        readers[1] = async.create_task(function() return lines:read() end)
        readers[2] = async.create_task(function() return lines:read() end)
        assert.equal(tostring(i), await(readers[1]))
        readers[2]:cancel()
      end)
    end
  end)
end)
