// js.mjs N: one setImmediate turn of the loop each, the nearest that there is to asyncio.sleep(0).
import process from "node:process";
import { setImmediate } from "node:timers";

const n = Number(process.argv[2]);
const started = performance.now(), startedCpu = process.cpuUsage();
for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
