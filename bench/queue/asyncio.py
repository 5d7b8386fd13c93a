# asyncio.py N: N messages, there and back.
import asyncio
import sys
import time

n = int(sys.argv[1])


async def main():
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def ask():
        for i in range(n // 2):
            await there.put(i)
            await back.get()

    async def answer():
        for _ in range(n // 2):
            await back.put(await there.get())

    started, started_cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(ask(), answer())
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


asyncio.run(main())
