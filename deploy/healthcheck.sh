#!/usr/bin/env bash
# Whether the server is healthy: healthcheck HOST PORT. Asks GET /health and exits 0 on 200, else 1 with the reason.
# Bash opens the connection itself, so that the image needs no HTTP client.
set -uo pipefail

host=${1:?usage: healthcheck HOST PORT}
port=${2:?usage: healthcheck HOST PORT}
seconds_max=5

# Without the braces a refused connection would end the script with bash's own message.
if ! { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null; then
  echo "healthcheck: nothing listens on $host:$port" >&2
  exit 1
fi
printf 'GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$host" >&3
if ! read -r -t "$seconds_max" version status _ <&3; then
  echo "healthcheck: $host:$port gave no answer in $seconds_max s" >&2
  exit 1
fi
if [[ $version != HTTP/1.* || $status != 200 ]]; then
  echo "healthcheck: $host:$port answered '$version $status', expected HTTP/1.1 200" >&2
  exit 1
fi
