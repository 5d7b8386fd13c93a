// js.mjs URL COUNT: COUNT GETs, one after the other.
import process from "node:process";

let bytes = 0;
for (let i = 0; i < Number(process.argv[3]); i++) {
  const response = await fetch(process.argv[2]);
  bytes += (await response.arrayBuffer()).byteLength;
}
console.log(`bytes ${bytes}`);
