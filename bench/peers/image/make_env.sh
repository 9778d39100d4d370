#!/usr/bin/env bash
# The environment of the image peers, and packages beside it: ../common/make_packages.sh says how and where.
exec "$(dirname "${BASH_SOURCE[0]}")/../common/make_packages.sh" image
