# aiohttp.py URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY tasks; prints requests/s and CPU us each.
import asyncio
import os
import sys
import time

# the interpreter puts this folder first on its path, where "aiohttp" is this file
sys.path = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
import aiohttp  # noqa: E402

url, count, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main():
    left, received = count, 0
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker():
            nonlocal left, received
            while left > 0:
                left -= 1
                async with session.get(url) as response:
                    body = await response.read()
                    received += len(body)

        async with session.get(url) as response:
            await response.read()
        started, started_cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        seconds, used = time.perf_counter() - started, time.process_time() - started_cpu
    print(f"{count / seconds:.0f} {used / count * 1e6:.2f} {received}")


asyncio.run(main())
