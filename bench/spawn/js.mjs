// js.mjs zero|random N. zero: one setImmediate turn of the loop each, the nearest that there is to asyncio.sleep(0).
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers";

const mode = process.argv[2], n = Number(process.argv[3]);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function zero() { await turn(); }
async function random() { await sleep(Math.random() * 1000); }

const started = performance.now(), startedCpu = process.cpuUsage();
const start = mode === "zero" ? zero : random, promises = new Array(n);
for (let i = 0; i < n; i++) promises[i] = start();
await Promise.all(promises);
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
