# asyncio.py N
import asyncio
import sys
import time

n = int(sys.argv[1])


async def double(x):
    return 2 * x


async def main():
    started, started_cpu, total = time.perf_counter(), time.process_time(), 0
    for i in range(1, n + 1):
        total += await double(i)
    assert total == n * (n + 1)
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
