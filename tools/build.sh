#!/usr/bin/env bash
# Configures a preset once and builds it: tools/build.sh PRESET [TARGET...]
# CMake runs again only when the OpenVINO to use or CMAKE_ARGS changed, or when Ninja sees a changed list of files.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=${1:?usage: tools/build.sh PRESET [TARGET...]}
shift
build=$root/build/$preset
cd "$root"

# The page is part of the program where it can be built.
tools/setup/web.sh || echo "build: going on without the atlas page" >&2

openvino_dir=$(tools/setup/openvino_dir.sh)
arguments=()
if [ -n "$openvino_dir" ]; then
  arguments+=("-DOpenVINO_DIR=$openvino_dir")
else
  arguments+=("-UOpenVINO_DIR")
fi
read -r -a extra <<<"${CMAKE_ARGS:-}"
arguments+=("${extra[@]}")

settings=$build/.configured
if [ ! -f "$build/build.ninja" ] || [ "$(cat "$settings" 2>/dev/null)" != "${arguments[*]}" ]; then
  cmake --preset "$preset" "${arguments[@]}"
  echo "${arguments[*]}" >"$settings"
fi

targets=()
if [ $# -gt 0 ]; then
  targets=(--target "$@")
fi
cmake --build "$build" ${JOBS:+-j "$JOBS"} "${targets[@]}"
