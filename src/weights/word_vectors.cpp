#include "weights/word_vectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "weights/gzip_bytes.hpp"
#include "weights/printable.hpp"
#include "weights/word_vector_line.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// What a thread takes at a time.
constexpr std::size_t kChunkSizeBytes = std::size_t{4} << 20U;
// Looked at to tell a format; two lines of most models.
constexpr std::size_t kLookSizeBytes = std::size_t{64} << 10U;
constexpr std::string_view kDamagedHint = "the file is damaged or cut short: fetch it again";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The line that `text` starts with, without its newline.
std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

std::string_view after_line(std::string_view text, std::string_view line) {
  return text.substr(std::min(text.size(), line.size() + 1));
}

std::unexpected<Error> long_line(std::string_view source, std::size_t line, std::size_t size_bytes) {
  return fail(ErrorCode::kLimitExceeded, fmt::format("{}: line {}: expected at most {} bytes, found {}", source, line,
                                                     kWordLineSizeBytesMax, size_bytes));
}

Result<void> check_dim(std::size_t dim, std::string_view source) {
  if (dim == 0 || dim > kWordVectorDimMax) {
    return fail(dim == 0 ? ErrorCode::kCorrupt : ErrorCode::kLimitExceeded,
                fmt::format("{}: line 1: expected a word and 1 to {} numbers, or two counts, found {}", source,
                            kWordVectorDimMax, dim));
  }
  return {};
}

// Lines of a part of the file, and where their vectors go.
struct TextChunk {
  std::string_view text;
  std::size_t line_first = 0;  // number of its first line, from 1
  std::size_t row_first = 0;
  std::size_t line_count = 0;
  std::size_t row_count = 0;  // lines that are not blank
  std::string words;
  std::vector<std::uint64_t> ends;  // in `words`
  std::optional<Error> error;
};

std::vector<TextChunk> cut_at_lines(std::string_view text) {
  std::vector<TextChunk> chunks;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n', std::min(kChunkSizeBytes, text.size() - 1));
    const std::size_t size = newline == std::string_view::npos ? text.size() : newline + 1;
    chunks.emplace_back().text = text.substr(0, size);
    text.remove_prefix(size);
  }
  return chunks;
}

// Calls take(line, its number) for each line that is not blank, trimmed, until it returns false.
template <typename Take>
void for_each_line(const TextChunk& chunk, Take take) {
  std::size_t number = chunk.line_first;
  for (std::string_view rest = chunk.text; !rest.empty(); ++number) {
    const std::string_view line = first_line(rest);
    rest = after_line(rest, line);
    const std::string_view trimmed = words::trim_line_end(line);
    if (!trimmed.empty() && !take(trimmed, number)) {
      return;
    }
  }
}

// Line numbers within the chunk from 0 still.
void count_lines(TextChunk& chunk, std::string_view source) {
  chunk.line_count = static_cast<std::size_t>(std::ranges::count(chunk.text, '\n'));
  for_each_line(chunk, [&](std::string_view line, std::size_t number) {
    if (line.size() > kWordLineSizeBytesMax) {
      chunk.error = long_line(source, number, line.size()).error();
      return false;
    }
    ++chunk.row_count;
    return true;
  });
}

class TextParser {
 public:
  TextParser(std::string_view source, ThreadPool& pool) : source_(source), pool_(pool) {}

  Result<WordVectors> parse(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
      text.remove_prefix(3);
    }
    if (auto begun = read_first_line(text); !begun) {
      return std::unexpected(std::move(begun.error()));
    }
    chunks_ = cut_at_lines(text.substr(data_begin_));
    if (auto counted = count(); !counted) {
      return std::unexpected(std::move(counted.error()));
    }
    // A number and its separator are two bytes at least: no room is made for what cannot be there. What is wrong with
    // such a file is found by reading it.
    const bool plausible = row_count_ <= text.size() / (2 * out_.dim);
    if (plausible) {
      out_.values = std::make_unique_for_overwrite<float[]>(row_count_ * out_.dim);
    }
    pool_.parallel_for(chunks_.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        parse_chunk(chunks_[i]);
      }
    });
    return join();
  }

 private:
  Result<void> read_first_line(std::string_view text) {
    const std::string_view line = first_line(text);
    if (line.size() > kWordLineSizeBytesMax) {
      return long_line(source_, 1, line.size());
    }
    const std::string_view trimmed = words::trim_line_end(line);
    if (const auto counts = words::first_line_counts(trimmed)) {
      declared_count_ = counts->word_count;
      out_.dim = counts->dim;
      data_begin_ = std::min(text.size(), line.size() + 1);
      line_first_ = 2;
    } else {
      out_.dim = std::max<std::size_t>(words::field_count(trimmed), 1) - 1;
    }
    return check_dim(out_.dim, source_);
  }

  Result<void> count() {
    pool_.parallel_for(chunks_.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        chunks_[i].line_first = 0;
        count_lines(chunks_[i], source_);
      }
    });
    std::size_t line = line_first_;
    for (TextChunk& chunk : chunks_) {
      chunk.line_first = line;
      chunk.row_first = row_count_;
      if (chunk.error) {
        // The chunk counted its lines from 0: say it again with the file's number.
        return fail_in_chunk(chunk);
      }
      line += chunk.line_count;
      row_count_ += chunk.row_count;
    }
    if (row_count_ > kWordVectorCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("{}: expected at most {} words, found {}", source_, kWordVectorCountMax, row_count_));
    }
    return {};
  }

  Result<void> fail_in_chunk(const TextChunk& chunk) const {
    Result<void> out;
    for_each_line(chunk, [&](std::string_view line, std::size_t number) {
      if (line.size() > kWordLineSizeBytesMax) {
        out = long_line(source_, number, line.size());
      }
      return out.has_value();
    });
    return out;
  }

  void parse_chunk(TextChunk& chunk) const {
    std::vector<float> nowhere(out_.values ? 0 : out_.dim);
    std::size_t row = chunk.row_first;
    for_each_line(chunk, [&](std::string_view line, std::size_t number) {
      const std::span<float> values =
          out_.values ? std::span(out_.values.get() + row * out_.dim, out_.dim) : std::span(nowhere);
      auto word = words::parse_word_line(line, values);
      if (word && word->size() > kWordSizeBytesMax) {
        word = std::unexpected(
            fmt::format("expected a word of at most {} bytes, found one of {}", kWordSizeBytesMax, word->size()));
      }
      if (!word) {
        chunk.error = Error{ErrorCode::kCorrupt, fmt::format("{}: line {}: {}", source_, number, word.error()),
                            std::string(kDamagedHint)};
        return false;
      }
      chunk.words += *word;
      chunk.ends.push_back(chunk.words.size());
      ++row;
      return true;
    });
  }

  Result<WordVectors> join() {
    std::size_t size_bytes = 0;
    for (TextChunk& chunk : chunks_) {
      if (chunk.error) {
        return std::unexpected(*std::move(chunk.error));
      }
      size_bytes += chunk.words.size();
    }
    if (row_count_ == 0 || (declared_count_ && *declared_count_ != row_count_)) {
      return fail(ErrorCode::kCorrupt,
                  declared_count_ ? fmt::format("{}: line 1: expected {} words, as it says, found {}", source_,
                                                *declared_count_, row_count_)
                                  : fmt::format("{}: expected words and their numbers, found none", source_),
                  std::string(kDamagedHint));
    }
    out_.bytes.reserve(size_bytes);
    out_.ends.reserve(row_count_);
    for (const TextChunk& chunk : chunks_) {
      const std::uint64_t before = out_.bytes.size();
      out_.bytes += chunk.words;
      std::ranges::transform(chunk.ends, std::back_inserter(out_.ends),
                             [before](std::uint64_t end) { return before + end; });
    }
    return std::move(out_);
  }

  std::string_view source_;
  ThreadPool& pool_;
  WordVectors out_;
  std::vector<TextChunk> chunks_;
  std::optional<std::size_t> declared_count_;
  std::size_t data_begin_ = 0;
  std::size_t line_first_ = 1;
  std::size_t row_count_ = 0;
};

std::unexpected<Error> binary_fault(std::string_view source, std::size_t word, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("{}: word {}: {}", source, word + 1, what), std::string(kDamagedHint));
}

// Its counts, checked against the bytes that are there.
Result<words::FirstLineCounts> binary_counts(std::string_view line, std::size_t data_size_bytes,
                                             std::string_view source) {
  const auto counts = words::first_line_counts(words::trim_line_end(line));
  if (!counts || counts->word_count == 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a first line of two counts, words and numbers a word, found '{}'", source,
                            printable(line.substr(0, 40))));
  }
  if (auto checked = check_dim(counts->dim, source); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  // A letter and a space beside the numbers.
  const std::size_t word_size_bytes_min = counts->dim * sizeof(float) + 2;
  if (counts->word_count > kWordVectorCountMax || counts->word_count > data_size_bytes / word_size_bytes_min) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected {} words of {} numbers, as the first line says, found room for {}", source,
                            counts->word_count, counts->dim, data_size_bytes / word_size_bytes_min),
                std::string(kDamagedHint));
  }
  return *counts;
}

Result<WordVectors> parse_binary(std::string_view text, std::string_view source) {
  const std::string_view line = first_line(text.substr(0, kWordLineSizeBytesMax));
  std::string_view rest = after_line(text, line);
  const auto counts = binary_counts(line, rest.size(), source);
  if (!counts) {
    return std::unexpected(counts.error());
  }
  WordVectors out;
  out.dim = counts->dim;
  out.values = std::make_unique_for_overwrite<float[]>(counts->word_count * out.dim);
  out.ends.reserve(counts->word_count);
  const std::size_t row_size_bytes = out.dim * sizeof(float);
  for (std::size_t i = 0; i < counts->word_count; ++i) {
    // The original program ends each vector with a newline, others do not.
    while (rest.starts_with('\n')) {
      rest.remove_prefix(1);
    }
    const std::size_t space = rest.substr(0, kWordSizeBytesMax + 1).find(' ');
    if (space == std::string_view::npos || space == 0) {
      return binary_fault(source, i,
                          rest.size() <= kWordSizeBytesMax ? "expected a word and a space, found the end of the file"
                                                           : "expected a word and a space, found neither");
    }
    if (rest.size() - space - 1 < row_size_bytes) {
      return binary_fault(
          source, i, fmt::format("expected {} bytes of numbers, found {}", row_size_bytes, rest.size() - space - 1));
    }
    out.bytes += rest.substr(0, space);
    out.ends.push_back(out.bytes.size());
    const std::span<float> row(out.values.get() + i * out.dim, out.dim);
    std::memcpy(row.data(), rest.data() + space + 1, row_size_bytes);
    if (!std::ranges::all_of(row, [](float value) { return std::isfinite(value); })) {
      return binary_fault(source, i,
                          fmt::format("'{}': expected finite numbers, found NaN or infinity", printable(out.word(i))));
    }
    rest.remove_prefix(space + 1 + row_size_bytes);
  }
  if (rest.find_first_not_of('\n') != std::string_view::npos) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected the end of the file after {} words, found {} bytes more",
                                                 source, counts->word_count, rest.size()));
  }
  return out;
}

bool ends_as_text(const fs::path& path) {
  const fs::path extension = path.extension() == ".gz" ? path.stem().extension() : path.extension();
  return extension == ".txt" || extension == ".vec";
}

}  // namespace

std::optional<WordVectorFormat> word_vector_format(const fs::path& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::nullopt;
  }
  const bool is_packed = path.extension() == ".gz" && is_gzip(file->bytes());
  const std::string unpacked = is_packed ? gzip_beginning(file->bytes(), kLookSizeBytes) : std::string{};
  const std::string_view text = is_packed ? unpacked : as_text(file->bytes()).substr(0, kLookSizeBytes);
  const std::string_view line = first_line(text);
  const auto counts = words::first_line_counts(words::trim_line_end(line));
  if (ends_as_text(path)) {
    return WordVectorFormat::kText;
  }
  if (!counts || counts->dim == 0 || counts->dim > kWordVectorDimMax) {
    return std::nullopt;
  }
  std::vector<float> values(counts->dim);
  const std::string_view second = words::trim_line_end(first_line(after_line(text, line)));
  return words::parse_word_line(second, values) ? WordVectorFormat::kText : WordVectorFormat::kBinary;
}

Result<WordVectors> read_word_vectors(const fs::path& path, ThreadPool& pool) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  const auto format = word_vector_format(path);
  if (!format) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected word vectors (a first line of two counts, or a name that ends in .txt or "
                            ".vec), found another file",
                            path.string()));
  }
  if (path.extension() == ".gz" && is_gzip(file->bytes())) {
    const auto unpacked = unpack_gzip(file->bytes(), kWordFileSizeBytesMax, path.string());
    return unpacked ? parse_word_vectors(std::as_bytes(std::span(*unpacked)), *format, path.string(), pool)
                    : std::unexpected(unpacked.error());
  }
  return parse_word_vectors(file->bytes(), *format, path.string(), pool);
}

Result<WordVectors> parse_word_vectors(std::span<const std::byte> bytes, WordVectorFormat format,
                                       std::string_view source, ThreadPool& pool) {
  return format == WordVectorFormat::kText ? TextParser(source, pool).parse(as_text(bytes))
                                           : parse_binary(as_text(bytes), source);
}

}  // namespace asterism
