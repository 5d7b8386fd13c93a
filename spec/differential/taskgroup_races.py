# Task groups: failures of one turn, cancellations from outside at each turn, groups in groups.
import asyncio
from virtual_clock import run


def show(err):
    if isinstance(err, BaseExceptionGroup):
        return "[" + " ".join(show(e) for e in err.exceptions) + "]"
    return f"{type(err).__name__}({err})"


async def fails(name, seconds):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print(name, "cancelled")
        await asyncio.sleep(0)
        raise
    raise ValueError(name)


async def grouped():
    async with asyncio.TaskGroup() as outer:
        outer.create_task(fails("a", 2))
        outer.create_task(fails("b", 2))
        async with asyncio.TaskGroup() as inner:
            inner.create_task(fails("c", 2))
            inner.create_task(fails("d", 3))
            await asyncio.sleep(1)
        print("not reached")


async def main():
    for second in range(4):
        for turns in range(7):
            task = asyncio.create_task(grouped())
            await asyncio.sleep(second)
            for _ in range(turns):
                await asyncio.sleep(0)
            print(second, turns, str(task.cancel("outside")).lower())
            try:
                await task
            except BaseException as e:
                print(show(e), task.cancelling())


run(main())
