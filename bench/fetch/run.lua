#!/usr/bin/env -S build/lacuna
-- run.lua [ROUNDS]: 10,000 GETs of 1 KiB at concurrency 100, keep-alive, by lacuna and by aiohttp, from one nginx on
-- the loopback. The two take turns, each on one core and nginx on another; prints the medians and their ratio.
-- Needs nginx, python3-aiohttp and taskset.
local uv = require "luv"

local rounds = tonumber(arg[1]) or 7
local COUNT, CONCURRENCY, BODY_BYTES = 10000, 100, 1024
local folder = arg[0]:match("^(.*)/") or "."
local python = os.getenv("PYTHON") or "/usr/bin/python3"

local peers = {
  {name = "lacuna", command = uv.exepath() .. " " .. folder .. "/lacuna.lua"},
  {name = "aiohttp", command = python .. " " .. folder .. "/aiohttp.py"},
}

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function free_port()
  local socket = uv.new_tcp()
  socket:bind("127.0.0.1", 0)
  local port = socket:getsockname().port
  socket:close()
  return port
end

local function start_nginx(place, port)
  assert(os.execute("mkdir -p " .. place .. "/www") == 0)
  write(place .. "/www/body", ("x"):rep(BODY_BYTES))
  local temporary = {}
  for _, kind in ipairs {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} do
    temporary[#temporary + 1] = ("%s_temp_path %s/%s;"):format(kind, place, kind)
  end
  write(place .. "/nginx.conf", ([[
worker_processes 1; pid %s/nginx.pid; error_log %s/error.log;
events { worker_connections 1024; multi_accept on; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=10;
  keepalive_requests 1000000; keepalive_timeout 60s; %s
  server { listen 127.0.0.1:%d backlog=1024; root %s/www; }
}]]):format(place, place, table.concat(temporary, " "), port, place))
  local start = ("chmod 755 %s && taskset -c 0 nginx -e %s/error.log -c %s/nginx.conf"):format(place, place, place)
  assert(os.execute(start) == 0, "nginx does not start")
end

local function run(peer, url)
  local pipe = io.popen(("taskset -c 1 %s %s %d %d"):format(peer.command, url, COUNT, CONCURRENCY))
  local rate, cpu_us, bytes = pipe:read("*a"):match("(%S+) (%S+) (%d+)")
  pipe:close()
  assert(tonumber(bytes) == COUNT * BODY_BYTES, peer.name .. " did not read every body")
  return tonumber(rate), tonumber(cpu_us)
end

local function median(values)
  table.sort(values)
  return values[math.floor((#values + 1) / 2)]
end

local place = (io.popen("mktemp -d"):read("*l"))
local port = free_port()
start_nginx(place, port)
local url = ("http://127.0.0.1:%d/body"):format(port)

local ok, err = pcall(function()
  for _, peer in ipairs(peers) do peer.rates, peer.costs = {}, {} end
  for _ = 1, rounds do
    for _, peer in ipairs(peers) do
      local rate, cpu_us = run(peer, url)
      table.insert(peer.rates, rate)
      table.insert(peer.costs, cpu_us)
    end
  end
  for _, peer in ipairs(peers) do
    peer.rate, peer.cost = median(peer.rates), median(peer.costs)
    print(("%-8s %7.0f requests/s %7.1f CPU us each"):format(peer.name, peer.rate, peer.cost))
  end
  local mine, theirs = peers[1], peers[2]
  print(("ratio    %7.1f of rate %11.1f of CPU"):format(mine.rate / theirs.rate, theirs.cost / mine.cost))
end)
os.execute(("nginx -e %s/error.log -c %s/nginx.conf -s stop; rm -rf %s"):format(place, place, place))
if not ok then error(err, 0) end
