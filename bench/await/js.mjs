// js.mjs N
import process from "node:process";

const n = Number(process.argv[2]);
async function double(x) { return 2 * x; }

const started = performance.now(), startedCpu = process.cpuUsage();
let sum = 0;
for (let i = 1; i <= n; i++) sum += await double(i);
if (sum !== n * (n + 1)) throw new Error("wrong sum");
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
