"""asyncio with virtual time, its open ends settled as lacuna settles them.

asyncio leaves some orders to chance (equal deadlines in a heap, iteration over sets), and the contract departs from
CPython 3.11 in a few points. Both are done here, by small subclasses and by replacing single places in the source of
asyncio's own functions; everything else is asyncio as it comes.
"""

import asyncio
import heapq
import inspect
import itertools
import textwrap


class Timer(asyncio.TimerHandle):
    """Equal deadlines wake first scheduled, first run: heapq alone does not keep that order."""

    numbers = itertools.count()

    def __init__(self, *args):
        super().__init__(*args)
        self.number = next(self.numbers)

    def __lt__(self, other):
        return (self._when, self.number) < (other._when, other.number)


class KeepsMessage:
    """Every await of what was cancelled gets the message; asyncio gives it to the first and forgets it."""

    def _make_cancelled_error(self):
        error = super()._make_cancelled_error()
        if self.done():
            self._cancelled_exc = error
        return error


class Task(KeepsMessage, asyncio.tasks._PyTask):
    pass


class Future(KeepsMessage, asyncio.futures._PyFuture):
    pass


class Loop(asyncio.BaseEventLoop):
    """Knows no files; where it would wait, its time jumps. Its tasks are in order of creation."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self._clock_resolution = 1e-9
        self._selector = self
        self.tasks = []
        self.set_task_factory(self.make_task)

    def make_task(self, _, coroutine, context=None):
        task = Task(coroutine, loop=self)
        self.tasks.append(task)
        return task

    def create_future(self):
        return Future(loop=self)

    def time(self):
        return self.now

    def select(self, timeout):
        if timeout is None:
            raise AssertionError("nothing can wake this program")
        self.now += timeout
        return []

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def call_at(self, when, callback, *args, context=None):
        timer = Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer


class OrderedSet(dict):
    def add(self, item):
        self[item] = True

    def discard(self, item):
        self.pop(item, None)


class TaskGroup(asyncio.TaskGroup):
    """Cancels its tasks in order of creation."""

    def __init__(self):
        super().__init__()
        self._tasks = OrderedSet()


class Timeout(asyncio.Timeout):
    """Takes its cancellation back as CPython 3.11.3 and later does; Debian 12 has 3.11.2."""

    async def __aenter__(self):
        self.before = asyncio.current_task().cancelling()
        return await super().__aenter__()

    async def __aexit__(self, kind, error, traceback):
        was_expiring = self._state.value == "expiring"
        try:
            await super().__aexit__(kind, error, traceback)
        except TimeoutError:
            pass
        if was_expiring and kind is asyncio.CancelledError and self._task.cancelling() <= self.before:
            raise TimeoutError


def replaced(function, *places):
    """The function, made again from its source text with some places, (old, new), replaced."""
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in places:
        assert source.count(old) == 1, (function, old)
        source = source.replace(old, new)
    names = {}
    exec(source, asyncio.tasks.__dict__, names)
    return names[function.__name__]


# As in CPython 3.12, a cancellation that arrives as the awaited ends is not lost.
wait_for = replaced(
    asyncio.wait_for,
    (
        """except exceptions.CancelledError:
            if fut.done():
                return fut.result()""",
        """except exceptions.CancelledError:
            if fut.done():
                raise""",
    ),
)


class GatheringFuture(asyncio.tasks._GatheringFuture):
    """Keeps the message that its last child was cancelled with, if that let itself be cancelled."""

    def cancel(self, msg=None):
        if self.done():
            return False
        is_asked = False
        for place, child in enumerate(self._children, 1):
            if child.cancel(msg=msg):
                is_asked = self._cancel_requested = True
                if place == len(self._children):
                    self._cancel_message = msg
        return is_asked


asyncio.tasks._GatheringFuture = GatheringFuture

# What is cancelled stands in the list as it was raised, message and all. A cancelled gather has the message of its last
# child; one that was asked and ended otherwise may remember it or not in asyncio, by what it waited for.
gather = replaced(
    asyncio.gather,
    (
        """exceptions.CancelledError(
                        '' if fut._cancel_message is None else
                        fut._cancel_message)""",
        "fut._make_cancelled_error()",
    ),
    (
        """requested:
                # If gather is being cancelled we must propagate the
                # cancellation regardless of *return_exceptions* argument.
                # See issue 32684.
                exc = fut._make""",
        """requested:
                exc = (fut if fut.cancelled() else outer)._make""",
    ),
)

# What is done already comes out in the order given.
as_completed = replaced(
    asyncio.as_completed,
    (
        "{ensure_future(f, loop=loop) for f in set(fs)}",
        "list(dict.fromkeys(ensure_future(f, loop=loop) for f in dict.fromkeys(fs)))",
    ),
)
