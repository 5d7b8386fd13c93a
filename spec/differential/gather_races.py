# gather: cancelled at each turn, with and without return_exceptions, while one of many fails and one swallows.
import asyncio
from virtual_clock import run


def show(value):
    if isinstance(value, list):
        return "[" + " ".join(map(show, value)) + "]"
    if isinstance(value, BaseException):
        return type(value).__name__
    return str(value)


async def fails():
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    raise ValueError()


async def swallows():
    try:
        await asyncio.sleep(1)
        return "slept"
    except asyncio.CancelledError:
        print("swallowed")
        return "swallowed"


async def waits_for(fut):
    return await fut


async def main():
    for return_exceptions in (False, True):
        for turns in range(7):
            children = [asyncio.create_task(c) for c in (fails(), swallows(), asyncio.sleep(1, "slept"))]
            gathering = asyncio.gather(*children, return_exceptions=return_exceptions)
            waiter = asyncio.create_task(waits_for(gathering))
            for _ in range(turns):
                await asyncio.sleep(0)
            print(turns, str(waiter.cancel()).lower())
            try:
                print(show(await waiter))
            except BaseException as e:
                print(show(e))
            print(" ".join("pending" if not c.done() else "cancelled" if c.cancelled() else "done" for c in children))
            if gathering.done() and not gathering.cancelled():
                print("gathering", show(gathering.exception() or gathering.result()))
            await asyncio.sleep(2)


run(main())
