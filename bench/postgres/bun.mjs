// bun.mjs HOST COUNT CONNECTIONS TASKS: SELECT 1 COUNT times through Bun.SQL, which has a pool of its own.
import { SQL } from "bun";

const host = process.argv[2], [count, connections, tasks] = process.argv.slice(3).map(Number);
const sql = new SQL({
  adapter: "postgres", path: `${host}/.s.PGSQL.5432`, username: "bench", database: "postgres", max: connections,
});
let left = count, sum = 0;
async function worker() {
  while (left > 0) {
    left--;
    const [row] = await sql`SELECT 1 AS one`;
    sum += row.one;
  }
}

const held = await Promise.all(Array.from({ length: connections }, () => sql.reserve()));
for (const connection of held) connection.release();
const started = performance.now(), startedCpu = process.cpuUsage();
await Promise.all(Array.from({ length: tasks }, worker));
const cpu = process.cpuUsage(startedCpu);
console.log(`wall_s ${(performance.now() - started) / 1e3}\ncpu_s ${(cpu.user + cpu.system) / 1e6}\nsum ${sum}`);
process.exit(0);
