#!/usr/bin/env bash
# Prints the folder of OpenVINOConfig.cmake when the user named an OpenVINO of their own (OPENVINO_DIR, OpenVINO_DIR or
# an entry of CMAKE_PREFIX_PATH), nothing otherwise. Exit 1 when OPENVINO_DIR or OpenVINO_DIR holds none.
set -euo pipefail

config_folder() {
  local folder
  for folder in "$1" "$1/cmake" "$1/runtime/cmake" "$1"/lib/cmake/openvino* "$1"/lib/*/cmake/openvino*; do
    if [ -f "$folder/OpenVINOConfig.cmake" ]; then
      (cd "$folder" && pwd)
      return 0
    fi
  done
  return 1
}

named=${OPENVINO_DIR:-${OpenVINO_DIR:-}}
if [ -n "$named" ]; then
  config_folder "$named" && exit 0
  echo "setup: OPENVINO_DIR=$named: expected OpenVINOConfig.cmake there, in cmake/ or in runtime/cmake/, found none" >&2
  exit 1
fi

# CMake takes the environment variable with colons and the cache variable with semicolons.
IFS=':;' read -r -a prefixes <<<"${CMAKE_PREFIX_PATH:-}"
for prefix in "${prefixes[@]}"; do
  if [ -n "$prefix" ] && config_folder "$prefix"; then
    exit 0
  fi
done
