/* profiles: what each flag of the sandbox withholds, and what is left. */
#include <lacuna.h>
#include <stdio.h>
#include <stdlib.h>

static const char source[] =
    "local async = require 'lacuna'\n"
    "local await = async.await\n"
    "local loop = async.get_running_loop()\n"
    "local has, lacks = {}, {}\n"
    "local function try(name, fn, ...)\n"
    "  local ok, err = pcall(fn, ...)\n"
    "  local flag = not ok and tostring(err):match('withheld from this script by the program %(LACUNA_(%u+_%u+)%)$')\n"
    "  table.insert(flag and lacks or has, flag and name .. ' ' .. flag or name)\n"
    "  if not flag and not ok then print(name, err) end\n"
    "end\n"
    "try('open', function() io.open('/dev/null'):close() end)\n"
    "try('stdin', require, 'lacuna.stdin')\n"
    "try('remove', function() os.remove('/nowhere/at/all') end)\n"
    "try('dofile', function() assert(dofile('beside.lua') == 42) end)\n"
    "try('http', require, 'lacuna.http')\n"
    "try('fetch', function() return async.fetch end)\n"
    "try('popen', function() io.popen('true'):close() end)\n"
    "try('execute', function() os.execute('true') end)\n"
    "try('getenv', function() os.getenv('HOME') end)\n"
    "try('signal', function() loop:add_signal_handler('SIGUSR1', print) loop:remove_signal_handler('SIGUSR1') end)\n"
    "try('time', require, 'lacuna.time')\n"
    "try('ffi', require, 'ffi')\n"
    "try('luv', require, 'luv')\n"
    "try('thread', function() return async.to_thread end)\n"
    "try('bytecode', function() assert(load('\\27LJ\\2\\10\\0')) end)\n"
    "print('has ' .. table.concat(has, ', '))\n"
    "print('lacks ' .. table.concat(lacks, ', '))\n"
    "print(select(2, pcall(require, 'beside')))\n"
    "print(debug.getinfo, getfenv, string.dump, os.time() > 0, io.write('written\\n') ~= nil)\n";

static void show(const char *name, unsigned flags) {
  lacuna_options options = {.sandbox = flags};
  lacuna_t *runtime = lacuna_new(&options);
  printf("%s:\n", name);
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
  lacuna_free(runtime);
}

int main(void) {
  FILE *module = fopen("beside.lua", "w");
  if (!module) return 1;
  fputs("#!/usr/bin/env lacuna\nreturn 42\n", module);
  fclose(module);
  setvbuf(stdout, NULL, _IONBF, 0);
  show("no ffi", LACUNA_NO_FFI);
  show("no bytecode", LACUNA_NO_BYTECODE);
  show("no os", LACUNA_NO_OS);
  show("no net", LACUNA_NO_NET);
  show("no fs", LACUNA_NO_FS);
  show("no net and no fs", LACUNA_NO_NET | LACUNA_NO_FS);
  show("sandbox", LACUNA_SANDBOX);
  return remove("beside.lua");
}
