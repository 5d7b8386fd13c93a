# asyncio.py threads|processes sums|strings SIZE
import asyncio
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

kind, name, size = sys.argv[1], sys.argv[2], int(sys.argv[3])


def sums(n):
    return sum(i * i for i in range(n))


def strings(n):
    words = {}
    for i in range(1, n + 1):
        word = "w%d" % (i * 7 % 50021)
        words[word] = words.get(word, 0) + 1
    return len(words)


def cpu_s():  # of this process and its ended children
    return sum(os.times()[:4])


async def main():
    fn = sums if name == "sums" else strings
    started, started_cpu = time.perf_counter(), cpu_s()
    for _ in range(4):
        fn(size)
    serial, serial_cpu = time.perf_counter() - started, cpu_s() - started_cpu
    loop = asyncio.get_running_loop()
    started, started_cpu = time.perf_counter(), cpu_s()
    with (ThreadPoolExecutor if kind == "threads" else ProcessPoolExecutor)(2) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, fn, size) for _ in range(4)])
    print("wall_s", time.perf_counter() - started)
    print("serial_s", serial)
    print("cpu_s", cpu_s() - started_cpu)
    print("serial_cpu_s", serial_cpu)


if __name__ == "__main__":
    asyncio.run(main())
