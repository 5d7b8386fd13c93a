// js.mjs URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY async functions, by the global fetch.
import process from "node:process";

const url = process.argv[2], count = Number(process.argv[3]), concurrency = Number(process.argv[4]);
const options = typeof Bun !== "undefined" && url.startsWith("https") ? { tls: { rejectUnauthorized: false } } : {};
let left = count, bytes = 0;
async function worker() {
  while (left > 0) {
    left--;
    const response = await fetch(url, options);
    const body = await response.arrayBuffer();
    bytes += body.byteLength;
  }
}

const started = performance.now(), startedCpu = process.cpuUsage();
await Promise.all(Array.from({ length: concurrency }, worker));
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}\nbytes ${bytes}`);
process.exit(0);
