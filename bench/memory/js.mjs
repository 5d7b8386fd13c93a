// js.mjs N: resident memory that N sleeping async functions add.
import process from "node:process";
import { setTimeout } from "node:timers";

const n = Number(process.argv[2]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function task() { await sleep(60000); }

const before = process.memoryUsage().rss, tasks = [];
for (let i = 0; i < n; i++) tasks.push(task());
await sleep(200);
console.log(`bytes ${process.memoryUsage().rss - before}`);
process.exit(0);
