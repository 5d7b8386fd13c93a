// js.mjs PORT: answers GET /users/N with a small JSON document: Bun.serve, Deno.serve or node:http, whichever is there.
import process from "node:process";

const port = Number(process.argv[2]), hostname = "127.0.0.1";
const route = /^\/users\/(\d+)$/;

function user(path) {
  const match = route.exec(path);
  return match && { user_id: Number(match[1]), name: `user ${match[1]}` };
}

function answer(request) {
  const found = user(new URL(request.url).pathname);
  return found ? Response.json(found) : new Response("Not Found", { status: 404 });
}

if (typeof Bun !== "undefined") {
  Bun.serve({
    port, hostname,
    routes: {
      "/users/:user_id": (request) => {
        const user_id = Number(request.params.user_id);
        return Response.json({ user_id, name: `user ${user_id}` });
      },
    },
    fetch: () => new Response("Not Found", { status: 404 }),
  });
} else if (typeof Deno !== "undefined") {
  Deno.serve({ port, hostname, onListen() {} }, answer);
} else {
  const http = await import("node:http");
  http.createServer((request, response) => {
    const found = user(request.url);
    const body = found ? JSON.stringify(found) : "Not Found";
    response.writeHead(found ? 200 : 404, {
      "Content-Type": found ? "application/json" : "text/plain", "Content-Length": Buffer.byteLength(body),
    });
    response.end(body);
  }).listen(port, hostname);
}
