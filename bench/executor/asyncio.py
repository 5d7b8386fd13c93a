# asyncio.py thread|process one|many|megabyte N
import asyncio
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

kind, mode, n = sys.argv[1], sys.argv[2], int(sys.argv[3])


def empty():
    pass


def give_back(text):
    return text


async def main():
    loop = asyncio.get_running_loop()
    with (ThreadPoolExecutor if kind == "thread" else ProcessPoolExecutor)(2) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, time.sleep, 0.01) for _ in range(2)])
        started, started_cpu = time.perf_counter(), time.process_time()
        if mode == "one":
            for _ in range(n):
                await loop.run_in_executor(pool, empty)
        elif mode == "many":
            await asyncio.gather(*[loop.run_in_executor(pool, empty) for _ in range(n)])
        else:
            text = b"x" * (1024 * 1024)
            for _ in range(n):
                assert len(await loop.run_in_executor(pool, give_back, text)) == len(text)
        print("wall_s", time.perf_counter() - started)
        print("cpu_s", time.process_time() - started_cpu)


if __name__ == "__main__":
    asyncio.run(main())
