# Functions to fetch a package of npm's registry without npm; to be sourced.
# shellcheck shell=bash

say() { echo "setup: $*"; }
die() {
  echo "setup: $*" >&2
  exit 1
}

# fetch_npm_package LIST NAME FOLDER [MEMBER...]: the package, or these members of it, into FOLDER, which it makes; checked
# by the digest of the list before it is opened. Leaves nothing beside FOLDER.
fetch_npm_package() {
  local list=$1 name=$2 folder=$3 version digest archive
  local registry=${npm_config_registry:-https://registry.npmjs.org}
  shift 3
  read -r version digest < <(awk -v name="$name" '$1 == name { sub("^sha512:", "", $3); print $2, $3 }' "$list")
  say "fetching $name $version"
  mkdir -p "$folder"
  archive=$folder/package.tgz
  curl --fail --silent --show-error --location --retry 3 -o "$archive" \
    "${registry%/}/$name/-/${name##*/}-$version.tgz" ||
    die "could not fetch $name: check the network (or npm_config_registry) and run again"
  echo "$digest  $archive" | sha512sum --check --quiet ||
    die "$name $version: expected the digest of tools/setup/$(basename "$list"), found another: not used"
  tar -xzf "$archive" -C "$folder" --strip-components=1 "$@"
  rm "$archive"
}
