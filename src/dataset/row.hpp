// The item that travels down a stream of texts: where it came from, and its text or why there is none.
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

}  // namespace asterism
