// undici.cjs URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY async functions, by Pool.request.
const { Pool } = require("undici");

const url = new URL(process.argv[2]), count = Number(process.argv[3]), concurrency = Number(process.argv[4]);
const pool = new Pool(url.origin, {
  connections: concurrency, pipelining: 1, connect: { rejectUnauthorized: false },
});
let left = count, bytes = 0;
async function worker() {
  while (left > 0) {
    left--;
    const { body } = await pool.request({ path: url.pathname, method: "GET" });
    const content = await body.arrayBuffer();
    bytes += content.byteLength;
  }
}

(async () => {
  const started = performance.now(), startedCpu = process.cpuUsage();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const cpu = process.cpuUsage(startedCpu);
  console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}\nbytes ${bytes}`);
  process.exit(0);
})();
