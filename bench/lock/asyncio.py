# asyncio.py bare|with N
import asyncio
import sys
import time

mode, n = sys.argv[1], int(sys.argv[2])


async def main():
    lock = asyncio.Lock()
    started, started_cpu = time.perf_counter(), time.process_time()
    if mode == "bare":
        for _ in range(n):
            await lock.acquire()
            lock.release()
    else:
        for _ in range(n):
            async with lock:
                pass
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
