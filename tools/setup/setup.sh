#!/usr/bin/env bash
# Installs what the build needs and this machine lacks: Debian packages (debian-packages.txt), OpenVINO from the pinned
# wheel (wheels.txt) into .deps/openvino, and USearch from the pinned npm package (npm.txt) into .deps/usearch. When all
# is there it only looks, in well under a second and without network. An interrupted run is repaired by running again:
# nothing counts as there before it is complete.
#
#   OPENVINO_DIR=/path          use this OpenVINO; the wheel is not fetched (OpenVINO_DIR and CMAKE_PREFIX_PATH work too)
#   ASTERISM_SKIP_PACKAGES=1    install no Debian packages (for machines where they come from elsewhere)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
deps=$root/.deps

# shellcheck source=tools/setup/npm_package.sh
source "$here/npm_package.sh"

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root: run as root once, or install sudo, or install these yourself and set ASTERISM_SKIP_PACKAGES=1: ${missing[*]}"
  fi
}

# Fills `missing` with the packages of the list that are not completely installed.
find_missing_packages() {
  local package status
  local -A installed=()
  missing=()
  mapfile -t wanted < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/debian-packages.txt")
  while read -r package status; do
    [ "$status" = installed ] && installed[$package]=1
  done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
  for package in "${wanted[@]}"; do
    [ -n "${installed[$package]:-}" ] || missing+=("$package")
  done
}

install_packages() {
  if [ -n "${ASTERISM_SKIP_PACKAGES:-}" ]; then
    return
  fi
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: expecting the libraries of tools/setup/debian-packages.txt to be installed already"
    return
  fi
  find_missing_packages
  if [ ${#missing[@]} = 0 ]; then
    return
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  # Completes an earlier installation that was cut off; without it apt refuses to go on.
  as_root dpkg --configure -a
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" >/dev/null
  find_missing_packages
  [ ${#missing[@]} = 0 ] || die "apt-get reported success, but these are still missing: ${missing[*]}"
}

wheel_platform() {
  case $(uname -m) in
    x86_64) echo manylinux_2_28_x86_64 ;;
    aarch64) echo manylinux_2_35_aarch64 ;;
    *) die "no OpenVINO wheel for $(uname -m): build OpenVINO yourself and give OPENVINO_DIR=/path" ;;
  esac
}

# The wheel is asked for by platform and Python tags of its own: the user's Python version does not matter.
fetch_openvino() {
  local platform=$1 stamp=$2 work=$deps/openvino.new
  rm -rf "$work"
  mkdir -p "$work/wheel"
  say "fetching OpenVINO ($(sed -n 's/^\(openvino==[^ ]*\).*/\1/p' "$here/wheels.txt"), $platform) into .deps/openvino"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary=:all: --platform "$platform" \
    --python-version 311 --implementation cp --abi cp311 --require-hashes -r "$here/wheels.txt" -d "$work/wheel" ||
    die "could not fetch the OpenVINO wheel: check the network (or PIP_INDEX_URL, PIP_FIND_LINKS) and run again, or give OPENVINO_DIR=/path to use your own"
  python3 "$here/unpack_openvino.py" "$work"/wheel/*.whl "$work/openvino"
  echo "$stamp" >"$work/openvino/.stamp"
  if [ -e "$deps/openvino" ]; then
    mv "$deps/openvino" "$work/replaced"
  fi
  mv "$work/openvino" "$deps/openvino"
  rm -rf "$work"
}

install_openvino() {
  local own platform stamp
  own=$("$here/openvino_dir.sh")
  if [ -n "$own" ]; then
    say "using OpenVINO in $own"
    return
  fi
  platform=$(wheel_platform)
  stamp="$platform $(cat "$here/wheels.txt" "$here/unpack_openvino.py" | sha256sum | cut -d' ' -f1)"
  if [ -f "$deps/openvino/.stamp" ] && [ "$(cat "$deps/openvino/.stamp")" = "$stamp" ]; then
    return
  fi
  mkdir -p "$deps"
  fetch_openvino "$platform" "$stamp"
}

# Sources only: the header, and the kernels it calls. No npm is needed to read its packages.
install_usearch() {
  local stamp work=$deps/usearch.new
  stamp=$(sha512sum "$here/npm.txt" | cut -d' ' -f1)
  if [ -f "$deps/usearch/.stamp" ] && [ "$(cat "$deps/usearch/.stamp")" = "$stamp" ]; then
    return
  fi
  rm -rf "$work"
  fetch_npm_package "$here/npm.txt" usearch "$work/usearch" package/LICENSE package/include package/numkong/LICENSE \
    package/numkong/include package/numkong/c
  echo "$stamp" >"$work/usearch/.stamp"
  rm -rf "$deps/usearch"
  mv "$work/usearch" "$deps/usearch"
  rm -rf "$work"
}

# One set-up at a time in a checkout. The lock ends with this process, however it ends.
mkdir -p "$deps"
exec 9>"$deps/.lock"
flock 9
install_packages
install_openvino
install_usearch
