# trio.py N: N messages, there and back.
import sys
import time

import trio

n = int(sys.argv[1])


async def main():
    put_there, get_there = trio.open_memory_channel(1)
    put_back, get_back = trio.open_memory_channel(1)

    async def ask():
        for i in range(n // 2):
            await put_there.send(i)
            await get_back.receive()

    async def answer():
        for _ in range(n // 2):
            await put_back.send(await get_there.receive())

    started, started_cpu = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        nursery.start_soon(answer)
    print("wall_s", time.perf_counter() - started)
    print("cpu_s", time.process_time() - started_cpu)


trio.run(main)
