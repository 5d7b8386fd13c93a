# The numbers that tasks get for names: who makes tasks, and which of them take a number.
import asyncio
from virtual_clock import run


async def name():
    return asyncio.current_task().get_name()


async def main():
    print(await name())
    print(await asyncio.create_task(name()))
    print(*await asyncio.gather(name(), name()))
    print(await asyncio.wait_for(name(), 1))
    async with asyncio.TaskGroup() as group:
        numbered = group.create_task(name())
        named = group.create_task(name(), name="named")
    print(numbered.result(), named.result())
    print(await asyncio.create_task(name(), name="also named"))
    print(await asyncio.get_running_loop().create_task(name(), name="by the loop"))
    print(await asyncio.shield(name()))
    for each in asyncio.as_completed([name()]):
        print(await each)
    print(await asyncio.create_task(name()))


run(main())
run(main())
