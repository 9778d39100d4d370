#!/usr/bin/env bash
# Builds llama.cpp's server for this processor from the sources on PyPI and converts the model for it, once:
#   bench/peers/serve/make_llama.sh MODEL_FOLDER [JOBS]
# Into .cache/peers-serve/llama: llama-server, minilm.gguf (float32) and minilm-f16.gguf. Needs cmake, a C++ compiler and
# the environment of the peers; some 10 minutes of processor time.
set -euo pipefail

model=${1:?usage: bench/peers/serve/make_llama.sh MODEL_FOLDER [JOBS]}
jobs=${2:-$(nproc)}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${ASTERISM_PEERS_ENV:-$root/.cache/peers-text/env}/bin/python
out=$root/.cache/peers-serve/llama
stamp=$out/.requirements.sha256
wanted=$(sha256sum <"$here/llama-requirements.txt" | cut -d' ' -f1)

if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  echo "peers: llama.cpp in $out is there"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip download --quiet --require-hashes --no-deps --no-binary llama-cpp-python --dest "$work" \
  --requirement "$here/llama-requirements.txt"
tar -xzf "$work"/llama_cpp_python-*.tar.gz -C "$work"
source=$(echo "$work"/llama_cpp_python-*/vendor/llama.cpp)

mkdir -p "$out"
PYTHONPATH=$source/gguf-py "$python" "$source/convert_hf_to_gguf.py" "$model" --outtype f32 --outfile "$out/minilm.gguf"
PYTHONPATH=$source/gguf-py "$python" "$source/convert_hf_to_gguf.py" "$model" --outtype f16 --outfile "$out/minilm-f16.gguf"
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON \
  -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF
cmake --build "$work/build" --parallel "$jobs" --target llama-server
cp "$work/build/bin/llama-server" "$out/"
echo "$wanted" >"$stamp"
echo "peers: llama.cpp built in $out"
