# asyncio.py zero|random N
import asyncio
import random
import sys
import time

mode, n = sys.argv[1], int(sys.argv[2])


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    if mode == "zero":
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(n)))
    else:
        await asyncio.gather(*(asyncio.sleep(random.random()) for _ in range(n)))
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
