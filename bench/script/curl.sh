# curl.sh URL COUNT: COUNT GETs, one after the other, by one curl that was given them on its command line.
url=$1 count=$2
set --
while [ $# -lt "$count" ]; do set -- "$@" "$url"; done
exec curl --silent --fail "$@" >/dev/null
