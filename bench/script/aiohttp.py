# aiohttp.py URL COUNT: COUNT GETs, one after the other.
import asyncio
import sys

import aiohttp


async def main():
    received = 0
    async with aiohttp.ClientSession() as session:
        for _ in range(int(sys.argv[2])):
            async with session.get(sys.argv[1]) as response:
                received += len(await response.read())
    print("bytes", received)


asyncio.run(main())
