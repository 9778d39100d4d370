// Files of word vectors: a word and its numbers a line, as GloVe, word2vec and fastText write them, or word2vec's
// binary form.
//
// Text: `word n1 n2 ...`, one word a line; word2vec and fastText put `word_count dim` on a line of its own first. A
// word may hold spaces (GloVe 840B has some): the last `dim` fields are the numbers. Numbers become the nearest
// float32. Binary: that same first line, then of each word its bytes, a space and `dim` little-endian float32. Words
// are bytes as they stand: whether they are UTF-8, or there twice, is for who looks words up (word_table.hpp). Source:
// https://github.com/tmikolov/word2vec (distance.c), https://github.com/stanfordnlp/GloVe. Ownership: values.
// Thread-safety: one pool a call. Cost: text is read twice, to count lines and to parse them, on all threads of the
// pool; memory is the vectors and the words, the file itself is mapped. Either form may be packed with gzip (`.gz`): it
// is then unpacked into memory first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

class ThreadPool;

// Limits; past one is kLimitExceeded.
inline constexpr std::size_t kWordVectorDimMax = 16'384;
inline constexpr std::size_t kWordVectorCountMax = std::size_t{1} << 28U;
inline constexpr std::size_t kWordSizeBytesMax = 4096;
// Of a packed file, unpacked.
inline constexpr std::size_t kWordFileSizeBytesMax = std::size_t{1} << 35U;
// A word and kWordVectorDimMax numbers of 60 characters.
inline constexpr std::size_t kWordLineSizeBytesMax = std::size_t{1} << 20U;

enum class WordVectorFormat : std::uint8_t { kText, kBinary };

struct WordVectors {
  std::size_t dim = 0;
  std::string bytes;                // the words, one after the other
  std::vector<std::uint64_t> ends;  // [word_count], where each ends in `bytes`
  std::unique_ptr<float[]> values;  // [word_count, dim], finite

  std::size_t word_count() const noexcept { return ends.size(); }
  std::string_view word(std::size_t i) const noexcept {
    const std::uint64_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};

// By a first line of two counts, else by the ending .txt or .vec (or these and .gz). Nothing for other files and what
// cannot be read.
std::optional<WordVectorFormat> word_vector_format(const std::filesystem::path& path);

// kCorrupt names the line or word: too few or too many numbers, one that is none, NaN or infinity, a first line that
// counts otherwise than the file. A file without words is kCorrupt too.
Result<WordVectors> read_word_vectors(const std::filesystem::path& path, ThreadPool& pool);

// The same on bytes in memory; `source` names them in errors.
Result<WordVectors> parse_word_vectors(std::span<const std::byte> bytes, WordVectorFormat format,
                                       std::string_view source, ThreadPool& pool);

}  // namespace asterism
