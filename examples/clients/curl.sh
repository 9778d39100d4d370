#!/usr/bin/env bash
# The server's routes with curl: examples/clients/curl.sh [URL]
set -euo pipefail

url=${1:-http://127.0.0.1:8080}
json='content-type: application/json'

echo "vectors, as text-embeddings-inference:"
curl -sS --fail "$url/embed" -H "$json" -d '{"inputs": ["a red coat", "tax law"], "dimensions": 4}'
echo
echo "how near sentences are:"
curl -sS --fail "$url/similarity" -H "$json" \
  -d '{"inputs": {"source_sentence": "a red coat", "sentences": ["a warm jacket", "tax law"]}}'
echo
echo "vectors, as OpenAI:"
curl -sS --fail "$url/v1/embeddings" -H "$json" -d '{"model": "builtin", "input": "a red coat", "dimensions": 4}'
echo
echo "tokens:"
curl -sS --fail "$url/tokenize" -H "$json" -d '{"inputs": "a red coat"}'
echo
echo "float32 bytes instead of JSON:"
curl -sS --fail "$url/embed" -H "$json" -H 'accept: application/octet-stream' -d '{"inputs": "a red coat"}' | wc -c
