// js.mjs bare|with N: the usual hand-written lock, for the language has none.
import process from "node:process";

const mode = process.argv[2], n = Number(process.argv[3]);

class Lock {
  constructor() { this.isLocked = false; this.waiters = []; }
  async acquire() {
    while (this.isLocked) await new Promise((resolve) => this.waiters.push(resolve));
    this.isLocked = true;
  }
  release() {
    this.isLocked = false;
    this.waiters.shift()?.();
  }
  async with(body) {
    await this.acquire();
    try { return await body(); } finally { this.release(); }
  }
}

const lock = new Lock();
const started = performance.now(), startedCpu = process.cpuUsage();
if (mode === "bare") {
  for (let i = 0; i < n; i++) {
    await lock.acquire();
    lock.release();
  }
} else {
  for (let i = 0; i < n; i++) await lock.with(() => {});
}
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
