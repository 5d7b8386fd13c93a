-- lacuna.lua CASE N: compiles embed.c against the libraries beside the command, once, and runs it.
local uv = require "luv"

local build = uv.exepath():match("^(.*)/")
local source = arg[0]:match("^(.*)/") .. "/embed.c"
local program = build .. "/bench/embed_c"

local function time_of(path)
  local stat = uv.fs_stat(path)
  return stat and stat.mtime.sec or 0
end

if time_of(program) <= math.max(time_of(source), time_of(build .. "/liblacuna.so")) then
  local command = ("cc -O2 -I%s/../../host/include -o %s %s -L%s -Wl,-rpath,%s -llacuna -lpthread"):format(
    arg[0]:match("^(.*)/"), program, source, build, build)
  assert(os.execute(command) == 0, "embed.c does not compile")
end
local pipe = assert(io.popen(("%s %s %s"):format(program, arg[1], arg[2])))
io.write(pipe:read("*a"))
pipe:close()
