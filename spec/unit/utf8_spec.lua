-- utf8: Lua 5.3's library, the same errors included, and sub.
local utf8_module = require "lacuna.utf8"

local KOREAN = "안녕, 세상!" -- 안 녕 , space 세 상 !
local COMBINING = "e\204\129a" -- e, U+0301, a
local EMOJI = "a😀b"

-- What cannot be decoded, and where it goes wrong.
local malformed = {
  {"a continuation alone", "a\128", 2},
  {"a byte that starts nothing", "ab\255", 3},
  {"an overlong form of two bytes", "\192\128", 1},
  {"an overlong form of three bytes", "\224\128\128", 1},
  {"an overlong form of four bytes", "\240\128\128\128", 1},
  {"a surrogate", "x\237\160\128", 2},
  {"the last surrogate", "\237\191\191", 1},
  {"a code above U+10FFFF", "\244\144\128\128", 1},
  {"a form of five bytes", "\248\136\128\128\128", 1},
  {"a character cut off", "한\237\149", 4},
}

local function problem(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  return (err:gsub("^[^:]+:%d+: ", ""))
end

describe("utf8", function()
  it("is the global, without require", function()
    assert.equal(utf8_module, utf8)
  end)

  describe("char", function()
    it("encodes code points", function()
      assert.equal("", utf8.char())
      assert.equal("aé한😀", utf8.char(97, 233, 0xD55C, 0x1F600))
      assert.equal("\0\127\194\128\223\191\224\160\128\239\191\191\240\144\128\128\244\143\191\191",
        utf8.char(0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF))
    end)

    it("refuses what is no code point", function()
      assert.equal("bad argument #2 to 'char' (value out of range)", problem(utf8.char, 97, 0x110000))
      assert.equal("bad argument #1 to 'char' (value out of range)", problem(utf8.char, -1))
      assert.equal("bad argument #1 to 'char' (number expected, got table)", problem(utf8.char, {}))
      assert.equal("bad argument #1 to 'char' (number has no integer representation)", problem(utf8.char, 1.5))
    end)

    it("gives every code point that codepoint reads back", function()
      for code = 0, 0x10FFFF, 97 do
        if code < 0xD800 or code > 0xDFFF then
          if utf8.codepoint(utf8.char(code)) ~= code then error(("U+%X"):format(code)) end
        end
      end
    end)
  end)

  it("has a charpattern that matches one character", function()
    local found = {}
    for character in ("a\0é한😀"):gmatch(utf8.charpattern) do found[#found + 1] = character end
    assert.same({"a", "\0", "é", "한", "😀"}, found)
  end)

  describe("codes", function()
    it("gives byte positions and code points", function()
      local positions, codes = {}, {}
      for position, code in utf8.codes("a한😀é") do
        positions[#positions + 1], codes[#codes + 1] = position, code
      end
      assert.same({1, 2, 5, 9}, positions)
      assert.same({97, 0xD55C, 0x1F600, 233}, codes)
      for _ in utf8.codes("") do error("nothing is there") end
    end)

    for _, case in ipairs(malformed) do
      it("raises for " .. case[1], function()
        assert.equal("invalid UTF-8 code", problem(function()
          for position in utf8.codes(case[2]) do assert.is_true(position < case[3]) end
        end))
      end)
    end
  end)

  describe("codepoint", function()
    it("gives the code points between two positions", function()
      assert.equal(97, utf8.codepoint("abc"))
      assert.same({0xC548, 0xB155, 44}, {utf8.codepoint(KOREAN, 1, 7)})
      assert.same({33}, {utf8.codepoint(KOREAN, -1)})
      assert.same({97, 0x1F600, 98}, {utf8.codepoint(EMOJI, 1, -1)})
      assert.same({}, {utf8.codepoint("abc", 3, 2)})
    end)

    it("refuses positions outside the text", function()
      assert.equal("bad argument #3 to 'codepoint' (out of range)", problem(utf8.codepoint, "abc", 1, 4))
      assert.equal("bad argument #2 to 'codepoint' (out of range)", problem(utf8.codepoint, "abc", -4, 1))
      assert.equal("bad argument #3 to 'codepoint' (out of range)", problem(utf8.codepoint, ""))
    end)

    it("raises in the middle of a character", function()
      assert.equal("invalid UTF-8 code", problem(utf8.codepoint, "한", 2))
    end)
  end)

  describe("len", function()
    it("counts characters", function()
      assert.equal(0, utf8.len(""))
      assert.equal(7, utf8.len(KOREAN))
      assert.equal(3, utf8.len(COMBINING))
      assert.equal(3, utf8.len(EMOJI))
      assert.equal(2, utf8.len(KOREAN, -4))
      assert.equal(2, utf8.len(KOREAN, 1, 4))
      assert.equal(0, utf8.len("abc", 4))
      assert.equal(2, utf8.len(12))
    end)

    for _, case in ipairs(malformed) do
      it("gives nil and the place for " .. case[1], function()
        local count, position = utf8.len(case[2])
        assert.is_nil(count)
        assert.equal(case[3], position)
      end)
    end

    it("refuses positions outside the text", function()
      assert.equal("bad argument #2 to 'len' (initial position out of string)", problem(utf8.len, "abc", 5))
      assert.equal("bad argument #2 to 'len' (initial position out of string)", problem(utf8.len, "abc", 0))
      assert.equal("bad argument #3 to 'len' (final position out of string)", problem(utf8.len, "abc", 1, 4))
      assert.equal("bad argument #1 to 'len' (string expected, got no value)", problem(utf8.len))
    end)
  end)

  describe("offset", function()
    it("finds where a character starts", function()
      local cases = { -- n, i, position
        {1, nil, 1}, {2, nil, 4}, {3, nil, 7}, {8, nil, 16}, {9, nil, nil},
        {-1, nil, 15}, {-2, nil, 12}, {-7, nil, 1}, {-8, nil, nil},
        {0, 5, 4}, {0, 6, 4}, {0, 4, 4}, {0, nil, 1}, {0, 16, 16}, {2, 4, 7}, {-1, 7, 4}, {1, 16, 16},
      }
      for _, case in ipairs(cases) do
        assert.equal(case[3], utf8.offset(KOREAN, case[1], case[2]), case[1] .. ", " .. tostring(case[2]))
      end
    end)

    it("refuses what it cannot start from", function()
      assert.equal("bad argument #3 to 'offset' (position out of range)", problem(utf8.offset, "abc", 1, 5))
      assert.equal("bad argument #3 to 'offset' (position out of range)", problem(utf8.offset, "abc", 1, -4))
      assert.equal("bad argument #2 to 'offset' (number expected, got no value)", problem(utf8.offset, "abc"))
      assert.equal("initial position is a continuation byte", problem(utf8.offset, "한", 1, 2))
    end)
  end)

  describe("sub", function()
    it("cuts by characters, as string.sub cuts by bytes", function()
      local characters = {"가", "나", "다", "라", "마"}
      local function expected(i, j) -- not by string.sub, which LuaJIT compiles wrongly for a j before the start
        if i < 0 then i = i + 6 end
        if j < 0 then j = j + 6 end
        return table.concat(characters, "", math.max(i, 1), math.min(j, 5))
      end
      local text = table.concat(characters)
      for i = -7, 7 do
        for j = -7, 7 do assert.equal(expected(i, j), utf8.sub(text, i, j), ("sub(%d, %d)"):format(i, j)) end
        assert.equal(expected(i, -1), utf8.sub(text, i))
      end
    end)

    it("cuts Korean, combining and emoji text", function()
      assert.equal("세상", utf8.sub(KOREAN, 5, 6))
      assert.equal("상!", utf8.sub(KOREAN, -2))
      assert.equal("\204\129", utf8.sub(COMBINING, 2, 2))
      assert.equal("😀", utf8.sub(EMOJI, 2, -2))
      assert.equal("", utf8.sub("", 1, 5))
    end)

    for _, case in ipairs(malformed) do
      it("raises when it meets " .. case[1], function()
        assert.equal("invalid UTF-8 code", problem(utf8.sub, case[2], 1, 10))
        assert.equal("invalid UTF-8 code", problem(utf8.sub, case[2], -1))
      end)
    end
  end)
end)
