# curl.sh URL COUNT CONCURRENCY: GETs one URL COUNT times with curl --parallel; bodies go to /dev/null.
list=$(mktemp)
trap 'rm -f "$list"' EXIT
awk -v url="$1" -v count="$2" 'BEGIN { for (i = 0; i < count; i++) print "url=" url "\noutput=/dev/null" }' >"$list"
curl --silent --fail --insecure --parallel --parallel-immediate --parallel-max "$3" --config "$list" \
  --write-out '%{size_download}\n' |
  awk '{ bytes += $1 } END { print "bytes " bytes }'
