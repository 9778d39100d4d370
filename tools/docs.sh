#!/usr/bin/env bash
# Writes docs/cli.md from the command line's own parser: tools/docs.sh BUILD
set -euo pipefail

build=${1:?usage: tools/docs.sh BUILD}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$build/bin/asterism" --help-markdown >"$root/docs/cli.md.new"
mv "$root/docs/cli.md.new" "$root/docs/cli.md"
echo "docs: wrote docs/cli.md"
