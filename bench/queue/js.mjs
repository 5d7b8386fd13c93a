// js.mjs N: N messages, there and back, through the usual hand-written queue, for the language has none.
import process from "node:process";

const n = Number(process.argv[2]);

class Queue {
  constructor(size) { this.size = size; this.items = []; this.getters = []; this.putters = []; }
  async put(item) {
    while (this.items.length >= this.size) await new Promise((resolve) => this.putters.push(resolve));
    this.items.push(item);
    this.getters.shift()?.();
  }
  async get() {
    while (this.items.length === 0) await new Promise((resolve) => this.getters.push(resolve));
    const item = this.items.shift();
    this.putters.shift()?.();
    return item;
  }
}

const there = new Queue(1), back = new Queue(1);
async function ask() {
  for (let i = 0; i < n / 2; i++) {
    await there.put(i);
    await back.get();
  }
}
async function answer() {
  for (let i = 0; i < n / 2; i++) await back.put(await there.get());
}
const started = performance.now(), startedCpu = process.cpuUsage();
await Promise.all([ask(), answer()]);
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
