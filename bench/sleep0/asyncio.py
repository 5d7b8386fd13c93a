# asyncio.py N
import asyncio
import sys
import time

n = int(sys.argv[1])


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        await asyncio.sleep(0)
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
