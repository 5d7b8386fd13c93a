# asyncio.py N: resident memory that N sleeping tasks add.
import asyncio
import os
import sys


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def main():
    before = resident()
    tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(int(sys.argv[1]))]
    await asyncio.sleep(0.2)  # all of them have started
    print("bytes", resident() - before)
    assert tasks
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main())
