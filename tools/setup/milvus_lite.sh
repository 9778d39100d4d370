#!/usr/bin/env bash
# Installs milvus-lite (milvus-lite.txt) into a Python environment of its own in .deps/milvus-lite: the server that tests
# of collections in Milvus start themselves. Without it those tests are skipped and say so.
#
#   ASTERISM_MILVUS_LITE=/path   another folder
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/python_env.sh" milvus-lite "$here/milvus-lite.txt" \
  "${ASTERISM_MILVUS_LITE:-$(cd "$here/../.." && pwd)/.deps/milvus-lite}"
