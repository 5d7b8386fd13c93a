-- install: what `make install` puts below a prefix is enough to build and run a program that embeds lacuna.
local shell = require "spec.support.shell"

local BUILD = assert(os.getenv("LACUNA_BUILD"), "LACUNA_BUILD names the build folder under test")

local PROGRAM = [[
#include <lacuna.h>
#include <stddef.h>

int main(void) {
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_free(runtime);
  return runtime ? 0 : 1;
}
]]

local LISTS = [[
cmake_minimum_required(VERSION 3.25)
project(guest C)
find_package(lacuna 0.1 REQUIRED)
add_executable(guest guest.c)
target_link_libraries(guest PRIVATE lacuna::lacuna)
]]

describe("an installation", function()
  local folder

  local function write(name, text) shell.write_file(folder .. "/" .. name, text) end

  -- Runs a command in `folder`, with the prefix in $prefix.
  local function must_run(command)
    local quoted = shell.quote(folder)
    local result = shell.run(("cd %s && prefix=%s/prefix && %s"):format(quoted, quoted, command), 120)
    assert.message(result.stdout .. result.stderr).equal(0, result.status)
    return result
  end

  lazy_setup(function()
    folder = shell.make_folder()
    write("guest.c", PROGRAM)
    write("CMakeLists.txt", LISTS)
    must_run("cmake --install " .. shell.quote(BUILD) .. ' --prefix "$prefix"')
  end)

  lazy_teardown(function()
    shell.run("rm -rf " .. shell.quote(folder))
  end)

  it("has a command that runs with nothing beside it", function()
    write("hello.lua", 'print("hello")')
    assert.equal("hello\n", must_run('env -i "$prefix/bin/lacuna" hello.lua').stdout)
  end)

  it("has a manual page and a completion of bash, where both look for them", function()
    must_run([[
      grep -q '^\.TH LACUNA 1' "$prefix/share/man/man1/lacuna.1"
      bash -n "$prefix/share/bash-completion/completions/lacuna"]])
  end)

  it("is found by pkg-config", function()
    must_run([[
      export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
      cc $CFLAGS $(pkg-config --cflags lacuna) guest.c $(pkg-config --libs lacuna) -o shared
      LD_LIBRARY_PATH="$prefix/lib" ./shared]])
  end)

  it("links as an archive", function()
    must_run([[
      export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
      rm -rf archive && mkdir archive && cp "$prefix/lib/liblacuna.a" archive
      cc $CFLAGS $(pkg-config --cflags lacuna) guest.c -Larchive $(pkg-config --static --libs lacuna) -o static
      ./static]])
  end)

  it("is found by find_package", function()
    must_run('cmake -G Ninja -B guest -DCMAKE_PREFIX_PATH="$prefix" . && cmake --build guest && guest/guest')
  end)
end)
