# Sleeps, callbacks and time-outs that are due at the same moment.
import asyncio
from virtual_clock import run


async def sleeper(name, seconds):
    await asyncio.sleep(seconds)
    print(name)


async def main():
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(sleeper(f"sleeper {i}", 1)) for i in range(3)]
    loop.call_later(1, print, "callback set early")
    await asyncio.sleep(0)
    loop.call_later(1, print, "callback set late")
    await asyncio.gather(*tasks)
    for seconds in (1, 2):
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(seconds)
            print(seconds, "in time")
        except TimeoutError:
            print(seconds, "too late")
    deadline = loop.time() + 1
    outer, inner = asyncio.timeout_at(deadline), asyncio.timeout_at(deadline)
    try:
        async with outer:
            try:
                async with inner:
                    await asyncio.sleep(5)
            except TimeoutError:
                print("inner")
    except TimeoutError:
        print("outer")
    print(str(outer.expired()).lower(), str(inner.expired()).lower(), asyncio.current_task().cancelling())


run(main())
