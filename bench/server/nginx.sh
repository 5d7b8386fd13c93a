# nginx.sh PORT FOLDER: answers GET /users/N with a small JSON document that nginx writes by itself; files in FOLDER.
cat >"$2/nginx.conf" <<END
daemon off; master_process off; pid $2/pid; error_log $2/errors; worker_rlimit_nofile 2048;
events { worker_connections 1024; multi_accept on; }
http {
  access_log off; tcp_nodelay on; default_type application/json;
  keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path $2/t1; proxy_temp_path $2/t2; fastcgi_temp_path $2/t3; uwsgi_temp_path $2/t4;
  scgi_temp_path $2/t5;
  server {
    listen 127.0.0.1:$1 backlog=1024;
    location ~ ^/users/([0-9]+)\$ { return 200 '{"user_id":\$1,"name":"user \$1"}'; }
  }
}
END
exec nginx -e "$2/errors" -p "$2" -c "$2/nginx.conf"
