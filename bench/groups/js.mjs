// js.mjs gather|taskgroup|timeout N: Promise.all is the first two; the third a race with a timer that is cleared.
import process from "node:process";
import { clearTimeout, setImmediate, setTimeout } from "node:timers";

const mode = process.argv[2], n = Number(process.argv[3]);
const turn = () => new Promise((resolve) => setImmediate(resolve));
async function zero() { await turn(); }
async function withTimeout(ms, promise) {
  let timer;
  const expired = new Promise((_, reject) => { timer = setTimeout(reject, ms, new Error("timeout")); });
  try { return await Promise.race([promise, expired]); } finally { clearTimeout(timer); }
}

const started = performance.now(), startedCpu = process.cpuUsage();
for (let i = 0; i < n; i++) {
  if (mode === "timeout") await withTimeout(10000, zero());
  else await Promise.all([zero(), zero(), zero()]);
}
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
