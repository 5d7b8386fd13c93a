# A cancellation before, in, and after the turn in which a task or a future ends.
import asyncio
from virtual_clock import run


async def waits_for(fut):
    try:
        return await fut
    except asyncio.CancelledError as e:
        print("cancelled", e)
        raise


async def main():
    loop = asyncio.get_running_loop()
    for order in ("result first", "cancel first"):
        for turns in range(4):
            fut = loop.create_future()
            inner = asyncio.create_task(waits_for(fut))
            outer = asyncio.create_task(waits_for(inner))
            await asyncio.sleep(0)
            await asyncio.sleep(0)

            def complete():
                if not fut.done():
                    fut.set_result("value")

            def cancel():
                print("asked", str(outer.cancel("late")).lower())

            first, second = (complete, cancel) if order == "result first" else (cancel, complete)
            first()
            for _ in range(turns):
                await asyncio.sleep(0)
            second()
            try:
                print(order, turns, await outer)
            except asyncio.CancelledError as e:
                print(order, turns, "CancelledError", e)
            print("inner", "cancelled" if inner.cancelled() else inner.result(), inner.cancelling(), outer.cancelling())


run(main())
