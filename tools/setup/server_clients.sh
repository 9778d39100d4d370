#!/usr/bin/env bash
# Installs the clients that tests of the server run (server-clients.txt) into a Python environment of their own in
# .deps/server-clients. Without it those tests are skipped and say so.
#
#   ASTERISM_SERVER_CLIENTS=/path   another folder; the tests look there too
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/python_env.sh" "clients of the server" "$here/server-clients.txt" \
  "${ASTERISM_SERVER_CLIENTS:-$(cd "$here/../.." && pwd)/.deps/server-clients}"
