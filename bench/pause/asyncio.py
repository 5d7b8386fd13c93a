# asyncio.py WAITING WORKERS SECONDS: the longest gap between two ticks of a 1 ms ticker while others wait and work.
import asyncio
import sys
import time

waiting, workers, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])


async def main():
    stop, steps = asyncio.Event(), 0

    async def wait():
        await stop.wait()

    async def work():
        nonlocal steps
        while not stop.is_set():
            kept = [{"number": i, "text": f"item {i}"} for i in range(20)]
            steps += len(kept) > 0
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(wait()) for _ in range(waiting)]
    tasks += [asyncio.create_task(work()) for _ in range(workers)]
    await asyncio.sleep(0.5)
    before, before_cpu, longest, longest_cpu = time.perf_counter(), time.process_time(), 0, 0
    ends = before + seconds
    while before < ends:
        await asyncio.sleep(0.001)
        now, cpu = time.perf_counter(), time.process_time()
        longest, longest_cpu = max(longest, now - before), max(longest_cpu, cpu - before_cpu)
        before, before_cpu = now, cpu
    stop.set()
    await asyncio.gather(*tasks)
    print("longest_gap_ms", longest * 1e3)
    print("longest_gap_cpu_ms", longest_cpu * 1e3)
    print("steps", steps)


asyncio.run(main())
