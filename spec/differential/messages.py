"""The words of the errors that asyncio itself raises, where they have nothing in them that differs from run to run."""
import asyncio

import virtual_clock


def told(function, *arguments):
    try:
        function(*arguments)
    except (Exception, asyncio.CancelledError) as error:
        print(type(error).__name__, str(error))


async def told_by(awaitable):
    try:
        await awaitable
    except (Exception, asyncio.CancelledError) as error:
        print(type(error).__name__, str(error))


async def futures():
    future = asyncio.get_running_loop().create_future()
    told(future.result)
    told(future.exception)
    future.set_result(1)
    told(future.set_result, 2)
    told(future.set_exception, ValueError())
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel("why")
    told(cancelled.result)
    told(cancelled.exception)
    task = asyncio.create_task(asyncio.sleep(0))
    told(task.result)
    told(task.set_result, 1)
    told(task.set_exception, ValueError())
    await task
    coroutine = asyncio.sleep(0)
    await coroutine
    await told_by(coroutine)
    await told_by(asyncio.create_task(coroutine))


async def waiting():
    await told_by(asyncio.wait([]))
    await told_by(asyncio.wait([asyncio.create_task(asyncio.sleep(0))], return_when="SOME"))
    await told_by(asyncio.wait_for(asyncio.sleep(5), 1))
    timeout = asyncio.timeout(1)
    async with timeout:
        pass
    told(timeout.reschedule, 5)


async def locks():
    told(asyncio.Lock().release)
    condition = asyncio.Condition()
    told(condition.release)
    told(condition.notify)
    told(condition.notify_all)
    await told_by(condition.wait())
    told(asyncio.Semaphore, -1)
    told(asyncio.BoundedSemaphore(1).release)
    told(asyncio.Barrier, 0)
    barrier = asyncio.Barrier(2)
    waiter = asyncio.create_task(told_by(barrier.wait()))
    await asyncio.sleep(0)
    await barrier.abort()
    await waiter
    await told_by(barrier.wait())


async def queues():
    queue = asyncio.Queue(1)
    told(queue.get_nowait)
    queue.put_nowait(1)
    told(queue.put_nowait, 2)
    queue.task_done()
    told(queue.task_done)


async def loops():
    loop = asyncio.get_running_loop()
    told(loop.close)
    told(loop.run_forever)
    closed = asyncio.new_event_loop()
    closed.close()
    told(closed.call_soon, print)
    told(closed.run_forever)


async def main():
    await futures()
    await waiting()
    await locks()
    await queues()
    await loops()


virtual_clock.run(main())
stopped = asyncio.new_event_loop()
stopped.call_soon(stopped.stop)
told(stopped.run_until_complete, stopped.create_future())
