// Rows of any kind from any source, one after the other: what the streaming job reads from.
//
// A reader streams: memory is one buffer and one row, and the names of the folders it stands in. Thread-safety: one
// thread per reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/row.hpp"

namespace asterism {

// A place between two rows.
struct RowMark {
  std::size_t input = 0;           // index into the inputs
  std::uint64_t byte_offset = 0;   // of the next row in it; 0 in a folder
  std::uint64_t line = 0;          // of the next row, or its number; 0 = the beginning of the input, header included
  std::uint64_t files_digest = 0;  // of names, sizes and times of change of the image files before it in this input
  bool operator==(const RowMark&) const = default;
};

// Texts that are no UTF-8: most likely of another encoding. They are rows all the same (docs/glossary.md, text).
struct IllFormedTexts {
  std::uint64_t row_count = 0;
  std::string first_place;  // "a.csv:7"
};

class RowReader {
 public:
  virtual ~RowReader() = default;
  // The next row, nullopt at the end of the last input. An Error ends the stream (an input cannot be read at all);
  // what is wrong with one row is in Row::error.
  virtual Result<std::optional<Row>> next() = 0;
  // How much was read, and of how much, for progress: bytes of texts, inputs and parts of inputs of images. total 0
  // when unknown (stdin).
  struct Position {
    double done = 0.0;
    double total = 0.0;
  };
  virtual Position position() const noexcept = 0;
  // Of every row.
  virtual PayloadKind kind() const noexcept = 0;
  // Files met in folders and archives so far that are no images, and no rows.
  virtual std::uint64_t ignored_file_count() const noexcept = 0;
  // Among the texts so far.
  virtual const IllFormedTexts& ill_formed_texts() const noexcept = 0;

  // The inputs as they were when the reader was opened.
  virtual std::span<const InputInfo> inputs() const noexcept = 0;
  // Where the next row begins.
  virtual RowMark mark() const noexcept = 0;
  // Goes to a mark at or after the present place. False, with the place unchanged, when its rows have to be read to
  // know that they are still the same: a pipe or stdin lies on the way, or image files that have changed.
  virtual Result<bool> skip_to(const RowMark& mark) = 0;
};

}  // namespace asterism
