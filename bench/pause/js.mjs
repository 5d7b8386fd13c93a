// js.mjs WAITING WORKERS SECONDS: the longest gap between two ticks of a 1 ms ticker while others wait and work.
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers";

const waiting = Number(process.argv[2]), workers = Number(process.argv[3]), seconds = Number(process.argv[4]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const turn = () => new Promise((resolve) => setImmediate(resolve));
let isSet = false, set, steps = 0;
const event = new Promise((resolve) => { set = resolve; });
async function wait() { await event; }
async function work() {
  const kept = [];
  while (!isSet) {
    for (let i = 0; i < 20; i++) kept[i] = { number: i, text: `item ${i}` };
    steps++;
    await turn();
  }
}

const tasks = [];
for (let i = 0; i < waiting; i++) tasks.push(wait());
for (let i = 0; i < workers; i++) tasks.push(work());
await sleep(500);
const cpuTime = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1000; };
let before = performance.now(), beforeCpu = cpuTime(), longest = 0, longestCpu = 0;
const ends = before + seconds * 1000;
while (before < ends) {
  await sleep(1);
  const now = performance.now(), cpu = cpuTime();
  longest = Math.max(longest, now - before);
  longestCpu = Math.max(longestCpu, cpu - beforeCpu);
  before = now;
  beforeCpu = cpu;
}
isSet = true;
set();
await Promise.all(tasks);
console.log(`longest_gap_ms ${longest}\nlongest_gap_cpu_ms ${longestCpu}\nsteps ${steps}`);
