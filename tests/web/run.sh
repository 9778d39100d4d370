#!/usr/bin/env bash
# One part of the tests of the atlas page: tests/web/run.sh check|unit|page|access|export|server|series. Exit 77: skipped.
#   ASTERISM_ATLAS_PAGE   the built page (default: web/dist/page/index.html)
#   ASTERISM_CHROMIUM     the browser (default: /usr/bin/chromium)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
part=${1:?usage: tests/web/run.sh check|unit|page|access|export|server|series}
node=$root/.deps/web/bin/node
readonly skipped=77

skip() {
  echo "skipped: $*"
  exit "$skipped"
}

if [ ! -x "$node" ] || [ ! -e "$root/web/node_modules/vite/package.json" ]; then
  skip "Node and the packages of the page are not installed: tools/setup/web.sh installs them"
fi
cd "$root/web"
case $part in
  check)
    "$node" node_modules/typescript/bin/tsc --noEmit
    exec "$node" node_modules/eslint/bin/eslint.js . --max-warnings 0
    ;;
  unit)
    exec "$node" node_modules/vitest/vitest.mjs run
    ;;
  page | access | export | server | series)
    [ -x "${ASTERISM_CHROMIUM:-/usr/bin/chromium}" ] || skip "no Chromium is installed (Debian: chromium)"
    [ -s "${ASTERISM_ATLAS_PAGE:-dist/page/index.html}" ] || skip "the page is not built"
    exec "$node" --test --test-reporter=spec "tests/end_to_end/${part}_test.mjs"
    ;;
  *)
    echo "run.sh: no part '$part'" >&2
    exit 2
    ;;
esac
