# Entry points for people and for .ci/run. `make help` lists them. The work is done by tools/*.sh and CMake presets.
#   JOBS=n              parallel compile jobs (default: Ninja's own)
#   OPENVINO_DIR=/path  use this OpenVINO instead of the pinned wheel
#   CMAKE_ARGS="-D..."  further settings for CMake
SHELL := /bin/bash
.DEFAULT_GOAL := help
export OPENVINO_DIR JOBS CMAKE_ARGS
# Where `make dev-tools` puts ruff and mypy.
export PATH := $(PATH):$(CURDIR)/.deps/devtools/bin

.PHONY: help
help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 14

.PHONY: setup
setup:  ## install what is missing: Debian packages, OpenVINO in .deps/
	@tools/setup/setup.sh

.PHONY: demo
demo: build  ## build, then embed the example texts and look at the result
	@tools/demo.sh build/release

.PHONY: test
test: setup  ## build, then run every test; ends with 'N passed, N failed, N skipped'
	@tools/test.sh

.PHONY: build
build: setup  ## build the release preset in build/release
	@tools/build.sh release

.PHONY: asan
asan: setup  ## build and test everything under the address and undefined-behaviour sanitizers
	@tools/build.sh asan
	@ctest --preset asan

.PHONY: tsan
tsan: setup  ## build and run the tests of threaded code under the thread sanitizer
	@tools/build.sh tsan asterism_threaded_tests
	@ctest --test-dir build/tsan -L threaded --output-on-failure

.PHONY: tsan-server
tsan-server: setup  ## the same of the scheduler and the server alone, all below them as users run it
	@tools/build.sh tsan-server asterism_scheduler_tests asterism_server_tests
	@TBB_ENABLE_SANITIZERS=1 build/tsan-server/tests/asterism_scheduler_tests  # else TBB opens a library as sanitizers forbid
	@TBB_ENABLE_SANITIZERS=1 build/tsan-server/tests/asterism_server_tests

.PHONY: tsan-store
tsan-store: setup  ## the same of collections and their index
	@tools/build.sh tsan-store asterism_index_tests asterism_store_tests
	@TBB_ENABLE_SANITIZERS=1 build/tsan-store/tests/asterism_index_tests
	@TBB_ENABLE_SANITIZERS=1 build/tsan-store/tests/asterism_store_tests

.PHONY: bench
bench: build  ## run the micro benchmarks
	@tools/bench.sh build/release

.PHONY: bench-peers
bench-peers: build  ## the same work in other libraries, alternated with ours (makes a Python environment first)
	@bench/peers/text/run.sh build/release

.PHONY: bench-serve
bench-serve: build  ## the server beside its peers, its limits, and two HTTP libraries (makes a Python environment first)
	@bench/peers/serve/run.sh build/release
	@bench/serve/run.sh build/release
	@bench/http_libraries/run.sh build/release

.PHONY: dev-tools
dev-tools:  ## install clang-format, clang-tidy, shellcheck, ccache, ruff and mypy
	@tools/setup/dev_tools.sh

.PHONY: format
format:  ## format C++ with clang-format and Python with ruff
	@tools/format.sh

.PHONY: tidy
tidy:  ## check the rules of the repository (tests/tidy) without building
	@python3 -m tests.tidy

.PHONY: lint
lint: build  ## clang-tidy on every source (slow)
	@tools/lint.sh build/release

.PHONY: docs
docs: build  ## write docs/cli.md from the command line's own parser
	@tools/docs.sh build/release

.PHONY: clean
clean:  ## remove build/ (set-up in .deps/ stays)
	@rm -rf build
