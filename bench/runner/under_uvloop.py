# under_uvloop.py FILE [ARGUMENT...]: runs a program of asyncio's on uvloop.
import runpy
import sys

import uvloop

uvloop.install()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
