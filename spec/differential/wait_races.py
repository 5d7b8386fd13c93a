# wait and as_completed: conditions and time-outs that come true in one turn, cancellation at each turn.
import asyncio
from virtual_clock import run


async def ends(seconds, how):
    await asyncio.sleep(seconds)
    if how == "fails":
        raise ValueError(how)
    if how == "cancels":
        raise asyncio.CancelledError(how)
    return how


def state(task):
    if not task.done():
        return "pending"
    if task.cancelled():
        return "cancelled"
    return "failed" if task.exception() else task.result()


async def wait(tasks, timeout, return_when):
    done, pending = await asyncio.wait(tasks, timeout=timeout, return_when=return_when)
    print(len(done), len(pending), *[state(t) for t in tasks])


async def complete(coro, timeout):
    for aw in asyncio.as_completed([coro], timeout=timeout):
        try:
            print("completed", await aw)
        except Exception as e:
            print("completed", type(e).__name__)


async def main():
    for condition in (asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION):
        for timeout in (0, 1, 2, 3, None):
            tasks = [
                asyncio.create_task(ends(1, "cancels")),
                asyncio.create_task(ends(2, "fails")),
                asyncio.create_task(ends(2, "returns")),
                asyncio.create_task(ends(3, "returns")),
            ]
            print(condition, timeout)
            await wait(tasks, timeout, condition)
            await asyncio.wait(tasks)
    for turns in range(6):
        tasks = [asyncio.create_task(ends(0, "returns")), asyncio.create_task(ends(1, "returns"))]
        waiting = asyncio.create_task(wait(tasks, 1, asyncio.FIRST_COMPLETED))
        for _ in range(turns):
            await asyncio.sleep(0)
        print(turns, str(waiting.cancel()).lower())
        try:
            await waiting
        except asyncio.CancelledError:
            print("cancelled", *[state(t) for t in tasks])
        await asyncio.wait(tasks)
    for seconds in (0, 1, 2):
        for timeout in (0, 1, 2, None):
            print(seconds, timeout)
            await complete(ends(seconds, "fails" if timeout == 2 else "returns"), timeout)
            await asyncio.sleep(3)


run(main())
