# asyncio.py threads|processes sums|strings SIZE
import asyncio
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


async def main():
    fn = sums if name == "sums" else strings
    started = time.perf_counter()
    for _ in range(4):
        fn(size)
    serial = time.perf_counter() - started
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    with (ThreadPoolExecutor if kind == "threads" else ProcessPoolExecutor)(2) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, fn, size) for _ in range(4)])
    print("wall_s", time.perf_counter() - started)
    print("serial_s", serial)


if __name__ == "__main__":
    asyncio.run(main())
