// js.mjs thread|process one|many|megabyte N: two workers that answer messages; the language has no pool of its own.
import { fork } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const file = fileURLToPath(import.meta.url);

class Executor {
  constructor(kind) {
    this.kind = kind;
    this.pending = new Map();
    this.last = 0;
    this.workers = [1, 2].map(() => {
      const worker = kind === "thread" ? new Worker(file) : fork(file, ["child"], { serialization: "advanced" });
      worker.on("message", ([id, value]) => {
        this.pending.get(id)(value);
        this.pending.delete(id);
      });
      return worker;
    });
  }
  submit(value) {
    const id = ++this.last, worker = this.workers[id % 2];
    return new Promise((resolve) => {
      this.pending.set(id, resolve);
      if (this.kind === "thread") worker.postMessage([id, value]); else worker.send([id, value]);
    });
  }
  end() {
    for (const worker of this.workers) if (this.kind === "thread") worker.terminate(); else worker.kill();
  }
}

if (!isMainThread) {
  parentPort.on("message", (message) => parentPort.postMessage(message));
} else if (process.argv[2] === "child") {
  process.on("message", (message) => process.send(message));
} else {
  const [kind, mode] = process.argv.slice(2), n = Number(process.argv[4]);
  const executor = new Executor(kind);
  await Promise.all([executor.submit(0), executor.submit(0)]);
  const started = performance.now(), startedCpu = process.cpuUsage();
  if (mode === "one") {
    for (let i = 0; i < n; i++) await executor.submit(0);
  } else if (mode === "many") {
    const calls = [];
    for (let i = 0; i < n; i++) calls.push(executor.submit(0));
    await Promise.all(calls);
  } else {
    const text = "x".repeat(1024 * 1024);
    for (let i = 0; i < n; i++) await executor.submit(text);
  }
  const cpu = process.cpuUsage(startedCpu);
  console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}`);
  executor.end();
}
