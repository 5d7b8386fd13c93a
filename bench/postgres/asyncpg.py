# asyncpg.py HOST COUNT CONNECTIONS TASKS: SELECT 1 COUNT times through a pool.
import asyncio
import sys
import time

import asyncpg

host, count, connections, tasks = sys.argv[1], *map(int, sys.argv[2:])


async def main():
    left, total = count, 0
    async with asyncpg.create_pool(
        host=host, user="bench", database="postgres", min_size=connections, max_size=connections
    ) as pool:

        async def worker():
            nonlocal left, total
            while left > 0:
                left -= 1
                value = await pool.fetchval("SELECT 1")
                total += value

        started, started_cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(tasks)))
        print("wall_s", time.perf_counter() - started)
        print("cpu_s", time.process_time() - started_cpu)
        print("sum", total)


asyncio.run(main())
