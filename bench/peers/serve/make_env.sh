#!/usr/bin/env bash
# The environment of the served peers, and packages beside it: ../common/make_packages.sh says how and where.
exec "$(dirname "${BASH_SOURCE[0]}")/../common/make_packages.sh" serve
