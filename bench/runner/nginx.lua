-- nginx: one on the loopback, started when a benchmark first asks for an address and ended with the run.
-- One process on core 0, for the client stands on core 1; files of 1 and of 100 KiB, by HTTP and by HTTPS.
local async = require "lacuna"
local launch = require "runner.launch"
local port = require "runner.port"
local service = require "runner.service"
local await = async.await

local LIFE_S = 3600

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local CONFIGURATION = [[
daemon off; master_process off; pid %(place)s/pid; error_log %(place)s/errors; worker_rlimit_nofile 20000;
events { worker_connections 16384; multi_accept on; }
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=10;
  keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path %(place)s/t1; proxy_temp_path %(place)s/t2; fastcgi_temp_path %(place)s/t3;
  uwsgi_temp_path %(place)s/t4; scgi_temp_path %(place)s/t5;
  server { listen 127.0.0.1:%(plain)s backlog=16384; root %(place)s/www; }
  server {
    listen 127.0.0.1:%(tls)s ssl backlog=16384; root %(place)s/www;
    ssl_certificate %(place)s/certificate.pem; ssl_certificate_key %(place)s/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:sessions:10m;
  }
}
]]

-- What it has complained about.
local function errors_in(place)
  local file = io.open(place .. "/errors")
  if not file then return "" end
  local text = file:read("*a")
  file:close()
  return text
end

local start = async(function(self)
  local place = await(launch.check{"mktemp", "-d"}):gsub("%s+$", "")
  self.place = place
  await(launch.check{"mkdir", place .. "/www"})
  write(place .. "/www/1k", ("x"):rep(1024))
  write(place .. "/www/100k", ("x"):rep(100 * 1024))
  await(launch.check{
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
    "-keyout", place .. "/key.pem", "-out", place .. "/certificate.pem",
  })
  local values = {place = place, plain = port.free(), tls = port.free()}
  write(place .. "/nginx.conf", (CONFIGURATION:gsub("%%%((%w+)%)s", values)))
  self.running = launch.start(launch.command(
    {"nginx", "-e", place .. "/errors", "-p", place, "-c", place .. "/nginx.conf"}, LIFE_S, 0))
  if not await(port.wait_for(values.plain, self.running.status)) then
    error(async.RuntimeError("nginx does not start: " .. errors_in(place)))
  end
  self.addresses = {
    http = ("http://127.0.0.1:%d"):format(values.plain),
    https = ("https://127.0.0.1:%d"):format(values.tls),
  }
end)

local nginx = {service = service.new("nginx", "sigterm", start)}

--- What a program gets for a case: its URL. Starts the server if it is not running.
---@param case {scheme: string?, path: string?}
---@return string
nginx.address = async(function(case)
  return await(nginx.service:addresses_of())[case.scheme or "http"] .. (case.path or "")
end)

return nginx
