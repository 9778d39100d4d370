#!/usr/bin/env bash
# The environment of the search peers: ../common/make_env.sh says how and where.
exec "$(dirname "${BASH_SOURCE[0]}")/../common/make_env.sh" search
