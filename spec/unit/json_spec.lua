-- json: JSON text to Lua values.
local async = require "lacuna"
local json = require "lacuna.json"

describe("json.decode", function()
  it("decodes objects, arrays, strings, numbers and booleans", function()
    assert.same({a = {1, 2.5, "한", true, false}}, json.decode '{"a":[1,2.5,"\\ud55c",true,false]}')
    assert.equal(1, json.decode "1")
  end)

  it("decodes null as json.null", function()
    assert.equal(json.null, json.decode("[null]")[1])
    assert.is_not_nil(json.null)
  end)

  for _, text in ipairs {"", "{", "[1,]", "nonsense", "[1] 2", '{"a":1'} do
    it(("raises ValueError with the place for %q"):format(text), function()
      local ok, err = pcall(json.decode, text)
      assert.is_false(ok)
      assert.is_true(async.isinstance(err, async.ValueError), tostring(err))
      assert.is_truthy(err.message:find("at character %d+"), err.message)
    end)
  end

  it("raises TypeError for what is no string", function()
    local ok, err = pcall(json.decode, nil)
    assert.is_false(ok)
    assert.is_true(async.isinstance(err, async.TypeError))
  end)
end)
