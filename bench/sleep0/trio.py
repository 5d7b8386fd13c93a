# trio.py N
import sys
import time

import trio

n = int(sys.argv[1])


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        await trio.sleep(0)
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


trio.run(main)
