-- run: busted inside the host, because Debian's `busted` command would test another Lua.
--   build/lacuna spec/support/run.lua [spec files or folders] [busted options]
-- Specs run in the script's main task, so the body of an `it` may await. Every module is loaded once, as in a program:
-- busted's habit of forgetting modules between files is turned off. Status 1 if a spec failed, 0 if none did.

local folder = arg[0]:match("^(.*)/") or "."

-- busted leaves through os.exit or error(nil); here success ends as any script does and closes what it opened.
local left = {}
local status = 0
require("busted.compatibility").exit = function(code)
  status = code == 0 and 0 or 1
  error(left, 0)
end

table.insert(arg, 1, "--no-auto-insulate")
table.insert(arg, 2, "--helper=" .. folder .. "/leftovers.lua")

local ok, err = pcall(require("busted.runner"), {standalone = false})
if not ok and err ~= left then error(err, 0) end
if status ~= 0 then os.exit(status) end
