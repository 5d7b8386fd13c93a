# aiohttp.py URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY tasks.
import asyncio
import sys
import time

import aiohttp

url, count, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def main():
    left, received = count, 0
    connector = aiohttp.TCPConnector(limit=concurrency, ssl=False)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker():
            nonlocal left, received
            while left > 0:
                left -= 1
                async with session.get(url) as response:
                    body = await response.read()
                received += len(body)

        started, started_cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        print("wall_s", time.perf_counter() - started)
        print("cpu_s", time.process_time() - started_cpu)
        print("bytes", received)


asyncio.run(main())
