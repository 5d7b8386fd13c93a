/* sandboxed: what a script in the sandbox has, what it has not, and the ways round that do not lead out. */
#include <lacuna.h>
#include <stdio.h>
#include <string.h>

static const char *on_load(void *data, const char *name, size_t *size) {
  (void)data;
  const char *source = NULL;
  if (strcmp(name, "greeting") == 0) source = "return {text = 'from the program', has_io = io ~= nil}";
  if (strcmp(name, "bytecode") == 0) source = "\33LJ";
  if (source) *size = strlen(source);
  return source;
}

static lacuna_status answer(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  lacuna_value value = lacuna_number(42);
  return lacuna_complete(call, &value, 1);
}

static const lacuna_function functions[] = {{"answer", answer, "", false}, {NULL, NULL, NULL, false}};

static const char works[] =
    "local async, json, greeting = require 'lacuna', require 'lacuna.json', require 'greeting'\n"
    "print(async.await(async.create_task(function() async.await(async.sleep(0)) return 'tasks' end)))\n"
    "print(('text'):upper(), json.encode({1}), greeting.text, greeting.has_io, require('program').answer())\n"
    "print(loadstring('return 6 * 7')(), load(function() return nil end)() == nil)\n"
    "x = 1 print(_G.x, rawget(_G, 'x'), getmetatable(''))\n";

/* Each is to end in an error or in nil. */
static const char ways_out[] =
    "local names = {'package', 'ffi', 'jit', 'module', 'newproxy', 'getfenv', 'setfenv', 'collectgarbage', 'gcinfo'}\n"
    "for _, name in ipairs(names) do if _G[name] ~= nil then print('there is', name) end end\n"
    "local modules = {'package', '_G', 'ffi', 'jit', 'jit.util', 'jit.opt', 'string.buffer',\n"
    "  'table.new', 'luv', 'lfs', 'lacuna.http', 'lacuna.requests', 'lacuna.exec', 'lacuna.process', 'lacuna.time',\n"
    "  'lacuna.kernel.loop', 'lacuna.async.script', 'lacuna.native.scheduler', 'lacuna.native.worker',\n"
    "  'lacuna.native.curl', 'lacuna.native.sandbox', 'bytecode', 'nowhere'}\n"
    "for _, name in ipairs(modules) do if pcall(require, name) then print('gives', name) end end\n"
    "print('nothing there')\n";

static const char ways_round[] =
    "local async = require 'lacuna'\n"
    "local function fails(what, fn, ...)\n"
    "  local ok, result = pcall(fn, ...)\n"
    "  if ok and result ~= nil then print('leads out:', what, result) end\n"
    "end\n"
    "local bytecode = '\\27LJ\\2\\2'\n"
    "fails('loadstring', loadstring, bytecode)\n"
    "fails('load', load, function() local text = bytecode bytecode = nil return text end)\n"
    "fails('load in a mode', load, 'return 1', 'x', 'b')\n"
    "fails('string.dump', function() return string.dump end)\n"
    "fails('a method of strings', function() return (''):dump(function() end) end)\n"
    "fails('the metatable of strings', function() return getmetatable('').__index end)\n"
    "fails('changing it', setmetatable, '', {})\n"
    "fails('a loaded chunk', function() return loadstring('return package or ffi or getfenv')() end)\n"
    "fails('a chunk in a coroutine', function() return coroutine.wrap(loadstring('return jit'))() end)\n"
    "for _, name in ipairs{'close', 'flush', 'input', 'lines', 'open', 'output', 'popen', 'read', 'tmpfile'} do\n"
    "  fails('io.' .. name, io[name], '/etc/passwd')\n"
    "end\n"
    "for _, name in ipairs{'execute', 'exit', 'getenv', 'remove', 'rename', 'setlocale', 'tmpname'} do\n"
    "  fails('os.' .. name, os[name], 'HOME')\n"
    "end\n"
    "fails('reading a script', dofile, '/etc/passwd')\n"
    "fails('loading one', loadfile, '/etc/passwd')\n"
    "fails('the registry of loaded modules', function() return require('package').loaded end)\n"
    "fails('the frames below', function() return debug.getinfo or debug.getupvalue or debug.getregistry end)\n"
    "fails('require in a coroutine', coroutine.wrap(require), 'ffi')\n"
    "fails('the metatable of a module', getmetatable, async)\n"
    "fails('the metatable of a task', getmetatable, async.current_task())\n"
    "fails('the metatable of a loop', getmetatable, async.get_running_loop())\n"
    "fails('the metatable of an error', getmetatable, async.ValueError('x'))\n"
    "fails('the metatable of a file', getmetatable, io.stdout)\n"
    "fails('another metatable for a module', setmetatable, async, {})\n"
    "fails('lacuna\\'s list of modules', function()\n"
    "  getmetatable(async).__names.leak = 'async.script' return async.leak\n"
    "end)\n"
    "fails('decoding a pointer', function() return require('string.buffer').decode('\\0') end)\n"
    "fails('a file by the name of a chunk', function()\n"
    "  local chunk = loadstring('return function() end', '@secret.lua')\n"
    "  return tostring(async(chunk())()):match('reveal')\n"
    "end)\n"
    "fails('ending the program', function() io.stdout:close() io.stderr:close() return os.exit(3) end)\n"
    "local own = setmetatable({}, {__index = {shown = true}, __metatable = 'locked'})\n"
    "assert(own.shown and getmetatable(own) == 'locked' and not pcall(setmetatable, own, {}))\n"
    "local class = {} assert(getmetatable(setmetatable({}, class)) == class)\n"
    "fails('a thread', function() return async.await(async.to_thread(function() return 1 end)) end)\n"
    "fails('a pool', function() return async.await(async.ThreadPoolExecutor():submit(print)) end)\n"
    "fails('a process', function() return async.await(async.ProcessPoolExecutor():submit(print)) end)\n"
    "fails('a worker', function() return async.spawn_worker(print) end)\n"
    "fails('shared memory', function() return async.SharedBuffer(8) end)\n"
    "fails('the network', function() return async.await(async.fetch('http://127.0.0.1:9')) end)\n"
    "fails('standard input', function() return async.await(async.input()) end)\n"
    "fails('a signal', function() return async.get_running_loop():add_signal_handler('SIGTERM', print) or 1 end)\n"
    "string.format, string.rep, _G.print = nil, nil, print\n" /* of its own copies */
    "table.concat, math.floor, coroutine.yield = nil, nil, nil\n"
    "async.await(async.sleep(0))\n"
    "print('no way out')\n";

int main(void) {
  FILE *secret = fopen("secret.lua", "w");
  if (!secret) return 1;
  fputs("local reveal = function() end\n", secret);
  fclose(secret);
  lacuna_options options = {.sandbox = LACUNA_SANDBOX, .on_load = on_load};
  lacuna_t *runtime = lacuna_new(&options);
  lacuna_module(runtime, "program", functions, NULL);
  printf("status %d\n", lacuna_run_string(runtime, works, "=works", 0, NULL));
  printf("status %d\n", lacuna_run_string(runtime, ways_out, "=ways_out", 0, NULL));
  printf("status %d\n", lacuna_run_string(runtime, ways_round, "=ways_round", 0, NULL));
  printf("status %d\n", lacuna_run_string(runtime, "print('goes on')", "=after", 0, NULL));
  lacuna_free(runtime);
  return remove("secret.lua");
}
