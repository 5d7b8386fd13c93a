# trio.py gather|taskgroup|timeout N: a nursery is both of the first two.
import sys
import time

import trio

mode, n = sys.argv[1], int(sys.argv[2])


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        if mode == "timeout":
            with trio.move_on_after(10):
                await trio.sleep(0)
        else:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(trio.sleep, 0)
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


trio.run(main)
