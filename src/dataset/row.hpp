// The items that travel down a stream: a row as read, and what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "asterism/error.hpp"
#include "asterism/record.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

enum class PayloadKind : std::uint8_t { kText, kImage, kTensor, kRecord };

// What a row gives to the encoder.
struct Payload {
  PayloadKind kind = PayloadKind::kText;
  std::string bytes = {};             // the text, or the image file as it is on disk
  std::optional<Tensor> tensor = {};  // kTensor only: preprocessed, f32 [channels, height, width]
  Record cells = {};                  // kRecord only: of the columns that were asked for, in their order

  std::size_t size_bytes() const noexcept {
    std::size_t size = bytes.size() + (tensor ? tensor->bytes().size() : 0);
    for (const auto& cell : cells) {
      size += cell ? cell->size() : 0;
    }
    return size;
  }
};

struct Row {
  std::string source = {};          // file name as given, "shard.tar:member", "-" for stdin
  std::uint64_t line = 0;           // 1-based: line of the text, first line of the csv record, row of the array;
                                    // 0 where a row is a file of its own
  std::string id = {};              // the record's "id" field or the member's key where there is one; else empty
  Payload payload = {};             // empty when `error` is set
  std::string metadata = "{}";      // a JSON object: the record's other columns, where they were asked for
  std::optional<Error> error = {};  // this row could not be read; the ones after it can
};

// "a.csv:7", "a.jpg": where a row came from, for people.
inline std::string place_text(const std::string& source, std::uint64_t line) {
  return line == 0 ? source : source + ":" + std::to_string(line);
}

// What is written about a row beside its vector.
struct RowOutcome {
  std::string source = {};
  std::uint64_t line = 0;  // as in Row
  std::string id = {};
  PayloadKind kind = PayloadKind::kText;
  std::uint32_t token_count_given = 0;  // the text's tokens, special tokens included
  std::uint32_t token_count_used = 0;   // of those, what the model saw
  std::uint32_t image_width = 0;        // of the image as it was given, or of the tensor
  std::uint32_t image_height = 0;
  std::optional<Error> error = {};  // the row has no vector

  bool truncated() const noexcept { return token_count_used < token_count_given; }
};

}  // namespace asterism
