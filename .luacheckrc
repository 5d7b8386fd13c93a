-- LuaJIT's globals and the one that the runtime adds; busted's in specs.
std = "luajit"
exclude_files = {"build", "scripts/*/support"} -- links to scripts/support
read_globals = {"utf8"}
max_line_length = 120
unused_args = false
files["lua"] = {globals = {"coroutine", "debug", "dofile", "print", "require", "utf8"}} -- which the runtime replaces
files["spec"] = {std = "+busted"}
files["scripts"] = {globals = {"app"}} -- lacuna serve runs the app that a script leaves there
