"""Runs a coroutine on a loop whose time passes at once, as lacuna's virtual clock does, so that CPython's answer to a
race does not depend on the machine. Where CPython leaves the order open (equal deadlines, the sets in TaskGroup and
as_completed), the order of creation is taken, which lacuna promises."""
import asyncio
import asyncio.events
import asyncio.taskgroups
import heapq
import itertools
import selectors


class InstantSelector(selectors.SelectSelector):
    """Does not wait for its time-out but adds it to the clock."""

    now = 1000.0

    def select(self, timeout=None):
        if timeout is None:
            raise SystemExit("deadlock")
        self.now += max(0, timeout)
        return super().select(0)


class TimerHandle(asyncio.events.TimerHandle):
    """Wakes equal deadlines in the order in which they were set."""

    counter = itertools.count()

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.key = (self._when, next(self.counter))

    def __lt__(self, other):
        return self.key < other.key


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.instant = InstantSelector()
        super().__init__(self.instant)
        self._clock_resolution = 1e-9

    def time(self):
        return self.instant.now

    def call_at(self, when, callback, *arguments, context=None):
        timer = TimerHandle(when, callback, arguments, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer


class OrderedSet(dict):
    """A set that is iterated over in order of insertion."""

    def add(self, item):
        self[item] = True

    def discard(self, item):
        self.pop(item, None)


class TaskGroup(asyncio.taskgroups.TaskGroup):
    def __init__(self):
        super().__init__()
        self._tasks = OrderedSet()


asyncio.TaskGroup = TaskGroup


def run(main):
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)
