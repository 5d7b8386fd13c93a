# asyncio.py gather|taskgroup|timeout N
import asyncio
import sys
import time

mode, n = sys.argv[1], int(sys.argv[2])


async def gather():
    for _ in range(n):
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0), asyncio.sleep(0))


async def taskgroup():
    for _ in range(n):
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asyncio.sleep(0))


async def timeout():
    for _ in range(n):
        async with asyncio.timeout(10):
            await asyncio.sleep(0)


async def main():
    started, started_cpu = time.perf_counter(), time.process_time()
    await globals()[mode]()
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
