#!/usr/bin/env bash
# The environment of the text peers (../common/make_env.sh says how and where). PyPI's torch for Linux brings CUDA
# libraries along: about 6 GB of disk.
exec "$(dirname "${BASH_SOURCE[0]}")/../common/make_env.sh" text
