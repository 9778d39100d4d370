#!/usr/bin/env bash
# Runs every test and ends with 'N passed, N failed, N skipped': the release build's tests (unit, conformance, command
# line, package, tidy), then the parsers' tests and fuzz targets again under the address and undefined-behaviour
# sanitizers, because parsers read files of strangers. Exit 1 when a test failed.
#   ASTERISM_TEST_SANITIZED=0   leave the sanitized part out (it is then listed as skipped)
#   ASTERISM_TEST_SECONDS=N     what all may take: where half of it is gone when the sanitized part begins, that is of the
#                               modules that read files alone (the others are then listed as skipped)
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
jobs=${JOBS:-$(nproc)}
reports=()
left_out=()

# run_tests PRESET [CTEST ARGUMENT...]
run_tests() {
  local preset=$1 report=$root/build/$1/tests.xml
  shift
  rm -f "$report"
  ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-tests=error --output-junit "$report" "$@" |
    grep -v -E '^ *[0-9]+/[0-9]+ Test .* Passed |^ +Start +[0-9]+:'
  reports+=("$preset=$report")
}

# Tests that need it are skipped, by name, where it cannot be had.
tools/setup/test_servers.sh || echo "test: going on without PGlite" >&2
tools/setup/milvus_lite.sh || echo "test: going on without milvus-lite" >&2
tools/setup/server_clients.sh || echo "test: going on without clients of the server" >&2
tools/build.sh release || exit 1
run_tests release
elapsed=$SECONDS
sanitized=${ASTERISM_TEST_SANITIZED:-1}
if [ "$sanitized" = 1 ] && ((elapsed * 2 > ${ASTERISM_TEST_SECONDS:-86400})); then
  sanitized=files
fi
if [ "$sanitized" = 1 ]; then
  tools/build.sh asan asterism_parser_tests || exit 1
  run_tests asan -L parser
elif [ "$sanitized" = files ]; then
  left_out+=("asan: parser tests and fuzz targets of store, server and what they use (slow machine: $elapsed s so far)")
  tools/build.sh asan asterism_file_parser_tests || exit 1
  run_tests asan -L 'parser\.files'
else
  left_out+=("asan: parser tests and fuzz targets (ASTERISM_TEST_SANITIZED=0)")
fi
exec python3 tools/test_summary.py "${reports[@]}" "${left_out[@]/#/skipped=}"
