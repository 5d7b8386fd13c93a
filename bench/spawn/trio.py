# trio.py zero|random N
import random
import sys
import time

import trio

mode, n = sys.argv[1], int(sys.argv[2])


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        for _ in range(n):
            nursery.start_soon(trio.sleep, 0 if mode == "zero" else random.random())
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


trio.run(main)
