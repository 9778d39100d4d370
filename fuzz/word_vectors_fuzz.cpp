// Any bytes as word vectors, the first byte telling which format (b: binary, z: text in gzip): an error, or words and
// finite numbers.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/thread_pool.hpp"
#include "weights/gzip_bytes.hpp"
#include "weights/word_vectors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const auto format = data[0] == 'b' ? asterism::WordVectorFormat::kBinary : asterism::WordVectorFormat::kText;
  asterism::ThreadPool pool(1);
  auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  std::string unpacked;
  if (data[0] == 'z') {
    constexpr std::size_t kUnpackedSizeBytesMax = std::size_t{1} << 20U;
    auto whole = asterism::unpack_gzip(bytes, kUnpackedSizeBytesMax, "fuzz");
    unpacked = whole ? *std::move(whole) : asterism::gzip_beginning(bytes, kUnpackedSizeBytesMax);
    if (unpacked.size() > kUnpackedSizeBytesMax) {
      std::abort();
    }
    bytes = std::as_bytes(std::span(unpacked));
    size = unpacked.size() + 1;
  }
  const auto vectors = asterism::parse_word_vectors(bytes, format, "fuzz", pool);
  if (!vectors) {
    if (vectors.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  if (vectors->word_count() == 0 || vectors->dim == 0) {
    std::abort();
  }
  std::size_t word_size_bytes = 0;
  for (std::size_t i = 0; i < vectors->word_count(); ++i) {
    word_size_bytes += vectors->word(i).size();
  }
  for (std::size_t i = 0; i < vectors->word_count() * vectors->dim; ++i) {
    if (!std::isfinite(vectors->values[i])) {
      std::abort();
    }
  }
  // A number takes two bytes at least, and each word stands in the input.
  if (word_size_bytes > size || vectors->word_count() * vectors->dim > size) {
    std::abort();
  }
  return 0;
}
