// The items that travel down a stream of texts: a row as read, and what became of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

struct TextRow {
  std::string source;          // file name as given; "-" for stdin
  std::uint64_t line = 0;      // 1-based line in the source; for csv the line its record starts on
  std::string id;              // the record's "id" field when it has one; else empty
  std::string text;            // empty when `error` is set
  std::optional<Error> error;  // this row could not be read; the ones after it can
};

// What is written about a row beside its vector.
struct RowOutcome {
  std::string source;
  std::uint64_t line = 0;
  std::string id;
  std::uint32_t token_count_given = 0;  // the text's tokens, special tokens included
  std::uint32_t token_count_used = 0;   // of those, what the model saw
  std::optional<Error> error;           // the row has no vector

  bool truncated() const noexcept { return token_count_used < token_count_given; }
};

}  // namespace asterism
