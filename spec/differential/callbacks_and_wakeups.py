# The order of done callbacks, call_soon and waking tasks around one future, and around a task that ends.
import asyncio
from virtual_clock import run


async def waits(name, fut):
    try:
        print(name, await fut)
    except asyncio.CancelledError:
        print(name, "cancelled")
    except ValueError as e:
        print(name, "failed", e)


async def main():
    loop = asyncio.get_running_loop()
    for outcome in ("result", "error", "cancel"):
        fut = loop.create_future()
        tasks = [asyncio.create_task(waits("first", fut))]
        await asyncio.sleep(0)
        fut.add_done_callback(lambda f: print("callback", str(f.cancelled()).lower()))
        fut.add_done_callback(lambda f: loop.call_soon(print, "soon from callback"))
        shielded = asyncio.shield(fut)
        tasks += [asyncio.create_task(waits("shielded", shielded)), asyncio.create_task(waits("second", fut))]
        gathering = asyncio.gather(fut, return_exceptions=True)
        tasks.append(asyncio.create_task(waits("wrapped", tasks[0])))
        await asyncio.sleep(0)
        loop.call_soon(print, "soon before")
        if outcome == "result":
            fut.set_result("value")
        elif outcome == "error":
            fut.set_exception(ValueError("value"))
        else:
            fut.cancel()
        loop.call_soon(print, "soon after")
        fut.add_done_callback(lambda f: print("late callback"))
        tasks.append(asyncio.create_task(waits("late", fut)))
        for i in range(5):
            print("turn", i, str(shielded.done()).lower(), str(gathering.done()).lower())
            await asyncio.sleep(0)
        done, pending = await asyncio.wait(tasks)
        print(len(done), len(pending))


run(main())
