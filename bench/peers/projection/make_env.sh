#!/usr/bin/env bash
# The environment of the projection peers: ../common/make_env.sh says how and where.
exec "$(dirname "${BASH_SOURCE[0]}")/../common/make_env.sh" projection
