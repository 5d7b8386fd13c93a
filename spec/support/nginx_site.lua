-- nginx_site: a real nginx on free ports of 127.0.0.1 (and [::1]), with certificates of a CA made for it, in a
-- temporary folder. It runs as an unprivileged user; stop() ends it by its pid and removes the folder.
local async = require "lacuna"
local uv = require "luv"
local closed_port = require "spec.support.closed_port"
local shell = require "spec.support.shell"

local nginx_site = {}

local function run(command)
  local result = shell.run(command)
  assert(result.status == 0, command .. "\n" .. result.stdout .. result.stderr)
  return result.stdout
end

---A port that nothing listens on, of 127.0.0.1 or another address.
---@param address? string
---@return integer
function nginx_site.free_port(address)
  local socket = uv.new_tcp()
  assert(socket:bind(address or "127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  return port
end

local function has_ipv6()
  local socket = uv.new_tcp()
  local ok = socket:bind("::1", 0)
  socket:close()
  return ok and true or false
end

-- A CA, and certificates that are good, for another host, signed by nobody, and expired.
local function make_certificates(place)
  shell.write_file(place .. "/make.sh", [[
set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=lacuna test CA" \
  -keyout ca.key -out ca.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=127.0.0.1" \
  -addext "subjectAltName=IP:127.0.0.1" -keyout selfsigned.key -out selfsigned.pem
touch index.txt
cat > ca.conf <<END
[ca]
default_ca=d
[d]
database=index.txt
serial=serial
new_certs_dir=.
default_md=sha256
policy=p
copy_extensions=copy
[p]
commonName=supplied
END
sign() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -addext "subjectAltName=$2" \
    -keyout $1.key -out $1.csr
  openssl ca -batch -config ca.conf -keyfile ca.key -cert ca.pem -rand_serial -startdate $3 -enddate $4 \
    -in $1.csr -out $1.pem -notext
}
sign good IP:127.0.0.1 20200101000000Z 21200101000000Z
sign otherhost DNS:elsewhere.invalid 20200101000000Z 21200101000000Z
sign expired IP:127.0.0.1 20200101000000Z 20200102000000Z
]])
  run(("cd %s && sh make.sh"):format(place))
end

local CONFIGURATION = [[
worker_processes 1; pid @PLACE@/nginx.pid; error_log @PLACE@/error.log;
events { worker_connections 512; }
http {
  access_log off; default_type text/plain; types { text/html html; application/json json; } keepalive_timeout 60s;
  client_body_temp_path @PLACE@/t1; proxy_temp_path @PLACE@/t2; fastcgi_temp_path @PLACE@/t3;
  uwsgi_temp_path @PLACE@/t4; scgi_temp_path @PLACE@/t5;
  server {
    listen 127.0.0.1:@HTTP@; @IPV6@
    root @PLACE@/www;
    location = /connection { return 200 "$connection"; }
    set $seen "agent=$http_user_agent x=$http_x_test auth=$http_authorization accept=$http_accept_encoding";
    location = /echo { return 200 "$request_method $request_uri $seen"; }
    location = /gzip/text.html { gzip on; gzip_min_length 1; alias @PLACE@/www/text.html; }
    location /br/ { add_header Content-Encoding br; alias @PLACE@/www/br/; }
    location /zstd/ { add_header Content-Encoding zstd; alias @PLACE@/www/zstd/; }
    location = /latin { add_header X-Empty ""; default_type "Text/HTML; Charset=\"EUC-KR\""; return 200 "x"; }
    location = /none { return 204; }
    location = /teapot { return 418 "short and stout"; }
    location = /redirect { return 302 /hello; }
    location = /redirect/308 { return 308 /echo; }
    location = /redirect/303 { return 303 /echo; }
    location = /redirect/relative { return 301 ../../hello?from=here; }
    location = /redirect/twice { return 302 /redirect; }
    location = /redirect/loop { return 302 /redirect/loop; }
    location = /redirect/file { return 302 file:///etc/passwd; }
    location = /redirect/away { return 302 http://127.0.0.1:@OTHER@/echo; }
    location = /redirect/nowhere { return 302 http://127.0.0.1:@CLOSED@/; }
    location = /redirect/none { add_header X "y"; return 304; }
    location = /hello { return 200 "Hello, World!"; }
    location = /json { default_type application/json; return 200 '{"name":"한국","list":[1,2],"none":null}'; }
    location = /broken.json { default_type application/json; return 200 '{"name":'; }
    location = /empty.json { default_type application/json; return 200 ''; }
  }
  server {
    listen 127.0.0.1:@OTHER@;
    location = /echo { return 200 "elsewhere auth=$http_authorization cookie=$http_cookie x=$http_x_test"; }
  }
@TLS@
}
]]

local TLS_SERVER = [[
  server {
    listen 127.0.0.1:%d ssl; ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key;
    location = /connection { return 200 "$connection"; }
    location / { return 200 "secure"; }
  }
]]

---Starts one; blocks until it listens.
---@return table site .http .other and .tls[certificate] are URLs without a path, .http6 is nil without IPv6;
---  .closed_port is one that nothing listens on; .ca is the CA's PEM file; :stop() ends it
function nginx_site.start()
  local place = shell.make_folder()
  local closed = closed_port.take()
  local site = {place = place, ca = place .. "/ca.pem", tls = {}, closed_port = closed.port}
  make_certificates(place)
  run(("cd %s && mkdir -p www/br www/zstd"):format(place))
  shell.write_file(place .. "/www/small", ("x"):rep(1024))
  shell.write_file(place .. "/www/big", ("0123456789abcdef"):rep(640 * 1024))
  shell.write_file(place .. "/www/text.html", ("<p>한국어</p>"):rep(500))
  run(("cd %s/www && brotli -c text.html >br/text.html && zstd -qc text.html >zstd/text.html"):format(place))

  local ports = {http = nginx_site.free_port(), other = nginx_site.free_port()}
  site.http = "http://127.0.0.1:" .. ports.http
  site.other = "http://127.0.0.1:" .. ports.other
  local ipv6 = ""
  if has_ipv6() then
    local port = nginx_site.free_port("::1")
    site.http6 = "http://[::1]:" .. port
    ipv6 = ("listen [::1]:%d;"):format(port)
  end
  local tls = {}
  for _, name in ipairs {"good", "otherhost", "selfsigned", "expired"} do
    local port = nginx_site.free_port()
    site.tls[name] = "https://127.0.0.1:" .. port
    tls[#tls + 1] = TLS_SERVER:format(port, place, name, place, name)
  end
  local values = {
    PLACE = place, HTTP = ports.http, OTHER = ports.other, CLOSED = site.closed_port, IPV6 = ipv6,
    TLS = table.concat(tls),
  }
  shell.write_file(place .. "/nginx.conf", (CONFIGURATION:gsub("@(%u+%d?)@", values)))

  local as_nobody = uv.getuid() == 0 and "setpriv --reuid=65534 --regid=65534 --clear-groups " or ""
  if as_nobody ~= "" then run("chown -R 65534:65534 " .. place) end
  run(("cd %s && %snginx -p %s -e error.log -c nginx.conf"):format(place, as_nobody, place))
  local file = assert(io.open(place .. "/nginx.pid"))
  local pid = tonumber(file:read("*l"))
  file:close()

  function site.stop()
    uv.kill(pid, "sigterm")
    while uv.kill(pid, 0) == 0 do async.await(async.sleep(0.01)) end
    run("rm -r " .. place)
    closed.release()
  end
  return site
end

return nginx_site
