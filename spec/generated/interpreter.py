"""Runs generated programs under asyncio and prints a trace of each; interpreter.lua does the same under lacuna.

    python3 interpreter.py FILE     a program a line, as JSON

A program is data: {"body": steps, "semaphore": n, "bounded": n, "parties": n, "maxsize": n}. A step is a list whose
first item names a method of Run below, step_NAME or now_NAME; an awaitable is such a list too, made by make_NAME.
Time is virtual and counted in ticks.
"""

import asyncio
import contextlib
import json
import logging
import sys
import warnings

import settled_asyncio

TICK = 1 / 64  # exact in binary, so that sums of ticks are equal when they should be
PATIENCE = 64  # ticks after which a program that does not end is cancelled
ROUNDS = 8  # of cancelling what does not end


# ---- values as text ----

PROGRAMS_RAISE = ("ValueError", "CancelledError")  # with one letter; the wording of other messages is free


def show(value):
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(show, value)) + "]"
    if isinstance(value, BaseExceptionGroup):
        return "ExceptionGroup" + show(value.exceptions)
    if isinstance(value, BaseException):
        name = type(value).__name__
        message = str(value.args[0]) if value.args else ""
        return f"{name}({message})" if name in PROGRAMS_RAISE and len(message) < 2 else name
    return str(value)


class Scope:
    """What a body sees: its name, the nearest group and time-out around it, and the error being handled."""

    def __init__(self, name, group=None, timeout=None, error=None):
        self.name, self.group, self.timeout, self.error = name, group, timeout, error

    def within(self, **changes):
        return Scope(**{**vars(self), **changes})


ERRORS = (Exception, asyncio.CancelledError)  # GeneratorExit is no business of programs
SPLIT = {"value": ValueError, "type": (TimeoutError, RuntimeError), "all": Exception}
CATCH = {"cancelled": asyncio.CancelledError, "exception": Exception, "all": ERRORS, "none": ()}


class Run:
    """One program on one loop. Steps return None to go on, or a list with the value that the body returns."""

    def __init__(self, program, loop):
        self.program, self.loop = program, loop
        self.lines = []
        self.tasks, self.handles, self.callbacks, self.named = {}, {}, {}, set()
        self.counter = 0

    def trace(self, *words):
        self.lines.append(f"{round(self.loop.time() / TICK)} {' '.join(words)}")

    # -- the whole --

    def on_error(self, loop, context):
        if "never retrieved" not in context["message"]:  # when that is found is the collector's affair
            self.trace("unhandled", show(context.get("exception")))

    def make_objects(self):
        program = self.program
        lock = asyncio.Lock()
        self.objects = {
            "l1": lock,
            "l2": asyncio.Lock(),
            "s1": asyncio.Semaphore(program["semaphore"]),
            "s2": asyncio.BoundedSemaphore(program["bounded"]),
            "e1": asyncio.Event(),
            "e2": asyncio.Event(),
            "c1": asyncio.Condition(),
            "c2": asyncio.Condition(lock),
            "b1": asyncio.Barrier(program["parties"]),
            "q1": asyncio.Queue(program["maxsize"]),
            "q2": asyncio.LifoQueue(program["maxsize"]),
            "q3": asyncio.PriorityQueue(program["maxsize"]),
            "f0": self.loop.create_future(),
            "f1": self.loop.create_future(),
            "f2": self.loop.create_future(),
            "f3": self.loop.create_future(),
        }
        self.objects["f0"].set_result("nothing")

    async def run(self):
        self.loop.set_exception_handler(self.on_error)
        self.make_objects()
        root = asyncio.current_task()
        main = self.spawn("t1", self.program["body"], Scope("t1"))
        await asyncio.wait([main], timeout=PATIENCE * TICK)
        for number in range(1, ROUNDS + 1):
            left = [task for task in self.loop.tasks if task is not root and not task.done()]
            if not left:
                break
            self.trace("cancel", str(len(left)))
            if number > 2:
                for name in ("l1", "l2"):
                    if self.objects[name].locked():
                        self.objects[name].release()
                if self.objects["c1"].locked():
                    self.objects["c1"].release()
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=PATIENCE * TICK)
        for name in sorted(self.tasks):
            self.trace("end", name, self.outcome(self.tasks[name]), str(self.tasks[name].cancelling()))
        for name in sorted(self.objects):
            self.trace("end", name, self.state(name))

    def outcome(self, future):
        if not future.done():
            return "pending"
        if future.cancelled():
            return "cancelled"
        error = future.exception()
        return "!" + show(error) if error else "=" + show(future.result())

    def state(self, name):
        thing = self.objects[name]
        kind = name[0]
        if kind in "lsc":
            return show(thing.locked())
        if kind == "e":
            return show(thing.is_set())
        if kind == "b":
            return f"{thing.n_waiting} {show(thing.broken)}"
        if kind == "q":
            return f"{thing.qsize()} {show(thing.empty())} {show(thing.full())}"
        return self.outcome(thing)

    def target(self, name):
        return self.tasks.get(name) or self.objects.get(name) or self.objects["f0"]

    def spawn(self, name, steps, scope):
        task = asyncio.create_task(self.body(name, steps, scope))
        self.register(name, task)
        return task

    def register(self, name, task):
        if task not in self.named:  # by the first body that it runs
            self.named.add(task)
            self.tasks.setdefault(name, task)

    async def body(self, name, steps, scope):
        self.register(name, asyncio.current_task())
        scope = scope.within(name=name, error=None)
        self.trace(name, "begins")
        try:
            returned = await self.steps(steps, scope)
        except ERRORS as error:
            self.trace(name, "ends", "!" + show(error))
            raise
        self.trace(name, "ends")
        return returned[0] if returned else name

    async def steps(self, steps, scope):
        for step in steps:
            returned = await self.step(step, scope)
            if returned:
                return returned
        return None

    async def step(self, step, scope):
        method = getattr(self, "step_" + step[0], None)
        if not method:
            return self.effect(step, scope)
        try:
            returned = await method(scope, *step[1:])
        except ERRORS as error:
            self.trace(scope.name, step[0], "!" + show(error))
            raise
        return returned

    # -- steps that may wait --

    async def step_await(self, scope, awaitable):
        value = await self.make(awaitable, scope)
        self.trace(scope.name, awaitable[0], show(value))

    async def step_call(self, scope, steps):
        async def inner():
            returned = await self.steps(steps, scope)
            return returned[0] if returned else "called"

        self.trace(scope.name, "called", show(await inner()))

    async def step_as_completed(self, scope, awaitables, timeout):
        things = [self.make(awaitable, scope) for awaitable in awaitables]
        for number, awaitable in enumerate(settled_asyncio.as_completed(things, timeout=seconds(timeout)), 1):
            try:
                self.trace(scope.name, "completed", str(number), show(await awaitable))
            except Exception as error:
                self.trace(scope.name, "completed", str(number), "!" + show(error))

    async def step_timeout(self, scope, ticks, steps):
        deadline = None if ticks < 0 else self.loop.time() + ticks * TICK
        manager = settled_asyncio.Timeout(deadline)
        try:
            async with manager:
                returned = await self.steps(steps, scope.within(timeout=manager))
        finally:
            self.trace(scope.name, "expired", show(manager.expired()))
        return returned

    async def step_group(self, scope, steps):
        async with settled_asyncio.TaskGroup() as group:
            returned = await self.steps(steps, scope.within(group=group))
        self.trace(scope.name, "grouped")
        return returned

    async def step_with(self, scope, name, steps):
        async with self.objects[name] as value:
            self.trace(scope.name, "entered", name, show(value))
            returned = await self.steps(steps, scope)
        self.trace(scope.name, "left", name)
        return returned

    async def step_managed(self, scope, enter, steps, catch, handler, final):
        @contextlib.asynccontextmanager
        async def manager():
            await self.steps(enter, scope)
            try:
                yield "managed"
            except CATCH[catch] as error:
                self.trace(scope.name, "manager caught", show(error))
                await self.steps(handler, scope.within(error=error))
            finally:
                await self.steps(final, scope)

        returned = None
        async with manager() as value:
            self.trace(scope.name, "entered", show(value))
            returned = await self.steps(steps, scope)
        self.trace(scope.name, "left the manager")
        return returned

    async def step_iterate(self, scope, count, inner, steps):
        async def generator():
            for number in range(1, count + 1):
                await self.steps(inner, scope)
                yield number
            self.trace(scope.name, "generator ends")

        async with contextlib.aclosing(generator()) as values:
            async for value in values:
                self.trace(scope.name, "value", show(value))
                returned = await self.steps(steps, scope)
                if returned:
                    return returned
        return None

    async def step_split(self, scope, steps, catch, handler):
        try:
            return await self.steps(steps, scope)
        except BaseExceptionGroup as error:
            matched, rest = error.split(SPLIT[catch])
            self.trace(scope.name, "split", show(matched), show(rest))
            returned = await self.steps(handler, scope.within(error=error)) if matched else None
            if rest:
                raise rest
            return returned

    async def step_try(self, scope, steps, catch, handler, final):
        try:
            return await self.steps(steps, scope)
        except CATCH[catch] as error:
            self.trace(scope.name, "caught", show(error))
            return await self.steps(handler, scope.within(error=error))
        finally:
            await self.steps(final, scope)

    async def step_repeat(self, scope, count, steps):
        for _ in range(count):
            returned = await self.steps(steps, scope)
            if returned:
                return returned
        return None

    async def step_return(self, scope, value):
        return [value]

    # -- awaitables --

    def make(self, awaitable, scope):
        return getattr(self, "make_" + awaitable[0])(scope, *awaitable[1:])

    def make_all(self, awaitables, scope):
        return [self.make(awaitable, scope) for awaitable in awaitables]

    def make_sleep(self, scope, ticks, value):
        return asyncio.sleep(ticks * TICK, value)

    def make_of(self, scope, name):
        return self.target(name)

    def make_body(self, scope, name, steps):
        return self.body(name, steps, scope)

    def make_shield(self, scope, awaitable):
        return asyncio.shield(self.make(awaitable, scope))

    def make_gather(self, scope, awaitables, return_exceptions):
        return settled_asyncio.gather(*self.make_all(awaitables, scope), return_exceptions=return_exceptions)

    def make_wait_for(self, scope, awaitable, ticks):
        return settled_asyncio.wait_for(self.make(awaitable, scope), seconds(ticks))

    async def make_wait(self, scope, awaitables, ticks, return_when):
        futures = self.make_all(awaitables, scope)
        done, _ = await asyncio.wait(futures, timeout=seconds(ticks), return_when=return_when)
        return ["done" if future in done else "pending" for future in futures]

    def make_acquire(self, scope, name):
        return self.objects[name].acquire()

    def make_wait_on(self, scope, name):
        return self.objects[name].wait()

    def make_wait_count(self, scope, name, least):
        return self.objects[name].wait_for(lambda: self.counter >= least)

    def make_abort(self, scope, name):
        return self.objects[name].abort()

    def make_reset(self, scope, name):
        return self.objects[name].reset()

    def make_put(self, scope, name, value):
        return self.objects[name].put(value)

    def make_get(self, scope, name):
        return self.objects[name].get()

    def make_join(self, scope, name):
        return self.objects[name].join()

    # -- effects: steps that do not wait, in tasks and in callbacks --

    def effect(self, step, scope):
        try:
            value = getattr(self, "now_" + step[0])(scope, *step[1:])
        except ERRORS as error:
            self.trace(scope.name, step[0], "!" + show(error))
            raise
        self.trace(scope.name, step[0], show(value))

    def callback(self, scope, step):
        scope = scope.within(name="callback of " + scope.name, error=None)

        def on_call(*_):
            self.effect(step, scope)

        return on_call

    def now_spawn(self, scope, name, steps):
        self.spawn(name, steps, scope)

    def now_group_spawn(self, scope, name, steps):
        create = scope.group.create_task if scope.group else asyncio.create_task
        self.register(name, create(self.body(name, steps, scope)))

    def now_reschedule(self, scope, ticks):
        if scope.timeout:
            scope.timeout.reschedule(None if ticks < 0 else self.loop.time() + ticks * TICK)

    def now_raise(self, scope, message):
        raise ValueError(message)

    def now_raise_cancelled(self, scope, message):
        raise asyncio.CancelledError(message)

    def now_reraise(self, scope):
        if scope.error:
            raise scope.error

    def now_cancel(self, scope, name, message):
        return self.target(name).cancel(message or None)

    def now_cancel_self(self, scope, message):
        task = asyncio.current_task()
        return task.cancel(message or None) if task else None

    def now_uncancel(self, scope):
        task = asyncio.current_task()
        return task.uncancel() if task else None

    def now_cancelling(self, scope):
        task = asyncio.current_task()
        return task.cancelling() if task else None

    def now_outcome(self, scope, name):
        return self.outcome(self.target(name))

    def now_result(self, scope, name):
        return self.target(name).result()

    def now_exception(self, scope, name):
        return self.target(name).exception()

    def now_set_result(self, scope, name, value):
        self.objects[name].set_result(value)

    def now_set_exception(self, scope, name, message):
        self.objects[name].set_exception(ValueError(message))

    def now_call_soon(self, scope, name, step):
        self.handles[name] = self.loop.call_soon(self.callback(scope, step))

    def now_call_later(self, scope, ticks, name, step):
        self.handles[name] = self.loop.call_later(ticks * TICK, self.callback(scope, step))

    def now_cancel_handle(self, scope, name):
        if name in self.handles:
            self.handles[name].cancel()
            return self.handles[name].cancelled()

    def now_done_callback(self, scope, name, step):
        self.target(name).add_done_callback(self.callback(scope, step))

    def now_named_callback(self, scope, name, callback, step):
        self.callbacks.setdefault(callback, self.callback(scope, step))
        self.target(name).add_done_callback(self.callbacks[callback])

    def now_remove_callback(self, scope, name, callback):
        return self.target(name).remove_done_callback(self.callbacks.get(callback))

    def now_release(self, scope, name):
        self.objects[name].release()

    def now_set(self, scope, name):
        self.objects[name].set()

    def now_clear(self, scope, name):
        self.objects[name].clear()

    def now_notify(self, scope, name, count):
        self.objects[name].notify(count)

    def now_notify_all(self, scope, name):
        self.objects[name].notify_all()

    def now_add(self, scope, count):
        self.counter += count
        return self.counter

    def now_put_nowait(self, scope, name, value):
        self.objects[name].put_nowait(value)

    def now_get_nowait(self, scope, name):
        return self.objects[name].get_nowait()

    def now_task_done(self, scope, name):
        self.objects[name].task_done()

    def now_alive(self, scope):
        return sum(not task.done() for task in self.loop.tasks)

    def now_state(self, scope, name):
        return self.state(name)


def seconds(ticks):
    return None if ticks < 0 else ticks * TICK


def run_program(program):
    loop = settled_asyncio.Loop()
    run = Run(program, loop)
    try:
        loop.run_until_complete(run.run())
    except AssertionError as error:
        run.trace("stuck", str(error))
    finally:
        loop.close()
    return run.lines


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")
    with open(sys.argv[1], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            print(f"program {number}", *run_program(json.loads(line)), "done", sep="\n", flush=True)
