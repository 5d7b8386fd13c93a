// node_postgres.cjs HOST COUNT CONNECTIONS TASKS: SELECT 1 COUNT times through a pool, as a prepared statement.
const { Pool } = require("pg");

const host = process.argv[2], [count, connections, tasks] = process.argv.slice(3).map(Number);
const pool = new Pool({ host, user: "bench", database: "postgres", max: connections, min: connections });
let left = count, sum = 0;
async function worker() {
  while (left > 0) {
    left--;
    const { rows } = await pool.query({ name: "one", text: "SELECT 1 AS one" });
    sum += rows[0].one;
  }
}

(async () => {
  const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
  for (const client of clients) client.release();
  const started = performance.now(), startedCpu = process.cpuUsage();
  await Promise.all(Array.from({ length: tasks }, worker));
  const cpu = process.cpuUsage(startedCpu);
  console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}\nsum ${sum}`);
  process.exit(0);
})();
