"""script: from Python, through ctypes: a script calls a function of Python's, which another thread completes."""
import ctypes
import sys
import threading

NUMBER, STRING = 2, 4


class Payload(ctypes.Union):
    _fields_ = [("number", ctypes.c_double), ("bytes", ctypes.c_char_p), ("pointer", ctypes.c_void_p)]


class Value(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("handle", ctypes.c_int), ("as_", Payload), ("size", ctypes.c_size_t)]


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Value), ctypes.c_int)


class Function(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("callback", Callback), ("parameters", ctypes.c_char_p),
                ("is_async", ctypes.c_bool)]


lacuna = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "liblacuna.so")
for name, result, arguments in [
    ("lacuna_new", ctypes.c_void_p, [ctypes.c_void_p]),
    ("lacuna_free", None, [ctypes.c_void_p]),
    ("lacuna_version", ctypes.c_char_p, []),
    ("lacuna_module", ctypes.c_bool, [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Function), ctypes.c_void_p]),
    ("lacuna_complete", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(Value), ctypes.c_int]),
    ("lacuna_spawn_string", ctypes.c_void_p,
     [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Value), ctypes.c_int]),
    ("lacuna_task_wait", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
    ("lacuna_task_result", Value, [ctypes.c_void_p, ctypes.c_int]),
    ("lacuna_task_release", None, [ctypes.c_void_p]),
]:
    function = getattr(lacuna, name)
    function.restype, function.argtypes = result, arguments


def complete(call, number):
    lacuna.lacuna_complete(call, Value(NUMBER, 0, Payload(number=number)), 1)


@Callback
def square(call, arguments, count):
    threading.Thread(target=complete, args=(call, arguments[0].as_.number ** 2)).start()
    return -1  # LACUNA_PENDING


functions = (Function * 2)(Function(b"square", square, b"number", True))
runtime = lacuna.lacuna_new(None)
lacuna.lacuna_module(runtime, b"python", functions, None)
task = lacuna.lacuna_spawn_string(runtime, b"""
  local async, python = require "lacuna", require "python"
  local cjson = require "cjson" -- a C module for Lua
  local squares = async.await(async.gather(python.square(3), python.square(4)))
  return cjson.encode {squares[1], squares[2]}
""", b"=script", None, 0)
print("status", lacuna.lacuna_task_wait(task, -1))
print(lacuna.lacuna_task_result(task, 0).as_.bytes.decode())
lacuna.lacuna_task_release(task)
lacuna.lacuna_free(runtime)
