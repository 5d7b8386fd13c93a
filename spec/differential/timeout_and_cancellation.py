# A time-out, a cancellation from outside and the end of the block, in each order, nested, and around a group.
import asyncio
from virtual_clock import run


async def block(kind):
    if kind == "sleep":
        await asyncio.sleep(2)
    elif kind == "slow clean-up":
        try:
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(1)
    elif kind == "nested":
        async with asyncio.timeout(1):
            await asyncio.sleep(9)
    elif kind == "swallow":
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            print("swallowed", asyncio.current_task().cancelling())
        await asyncio.sleep(1)
    elif kind == "group":
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(9))
            group.create_task(block("slow clean-up"))


async def limited(kind):
    timeout = asyncio.timeout(2)
    try:
        async with timeout:
            await block(kind)
        print("through")
    finally:
        print("expired", str(timeout.expired()).lower(), asyncio.current_task().cancelling())


async def main():
    loop = asyncio.get_running_loop()
    for kind in ("sleep", "slow clean-up", "nested", "swallow", "group"):
        for seconds in (1, 2, 3, 9):
            for turns in range(3):
                task = asyncio.create_task(limited(kind))

                def hop(turns, task=task):
                    if turns:
                        loop.call_soon(hop, turns - 1)
                    else:
                        print("asked", str(task.cancel("outside")).lower())

                loop.call_later(seconds, hop, turns)
                print(kind, seconds, turns)
                try:
                    await task
                except BaseException as e:
                    print(type(e).__name__)
                await asyncio.sleep(20)


run(main())
