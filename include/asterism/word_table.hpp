// The words of a model of word vectors, with their vectors: found by word, and gone through in the file's order.
//
// Files of word vectors list words by how often they were met, most often first: the first N are the usual limit of
// evaluations. Ownership: owns all; encoders hand out a borrowed one. Thread-safety: immutable. Cost: a look-up is one
// hash and about one comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asterism {

class WordTable {
 public:
  struct Parts {
    std::size_t dim = 0;
    std::string bytes;                // words, one after the other
    std::vector<std::uint64_t> ends;  // [size], where each ends in `bytes`
    std::unique_ptr<float[]> values;  // [size, dim]
  };

  // Words that are no UTF-8 or empty, and all but the first of equal ones, are left out and counted.
  explicit WordTable(Parts parts);

  std::size_t size() const noexcept { return parts_.ends.size(); }
  std::size_t dim() const noexcept { return parts_.dim; }
  std::string_view word(std::size_t i) const noexcept {
    const std::uint64_t begin = i == 0 ? 0 : parts_.ends[i - 1];
    return std::string_view(parts_.bytes).substr(begin, parts_.ends[i] - begin);
  }
  std::span<const float> row(std::size_t i) const noexcept { return {parts_.values.get() + i * dim(), dim()}; }
  std::span<const float> values() const noexcept { return {parts_.values.get(), size() * dim()}; }  // [size, dim]

  // Exactly this word.
  std::optional<std::size_t> find(std::string_view word) const noexcept;
  // The word as it is written, else in lower case: how texts are looked up.
  std::optional<std::size_t> find_any_case(std::string_view word) const;

  // No word has a capital letter: the vectors were made from texts in lower case.
  bool lower_case() const noexcept { return lower_case_; }
  std::size_t repeated_count() const noexcept { return repeated_count_; }
  std::size_t invalid_count() const noexcept { return invalid_count_; }

 private:
  Parts parts_;
  std::vector<std::uint32_t> slots_;  // open addressing; a word's number + 1, 0 = free
  bool lower_case_ = true;
  std::size_t repeated_count_ = 0;
  std::size_t invalid_count_ = 0;
};

}  // namespace asterism
