// The rows file: beside the vectors, one JSON object a row that says where the row came from and what became of it.
//
//   {"row":0,"source":"a.txt","line":1,"id":"x","tokens":300,"tokens_used":256,"truncated":true}
//   {"row":1,"source":"a.txt","line":2,"error":{"code":"corrupt","message":"a.txt:2: ..."}}
//   {"row":2,"source":"photos/a.jpg","width":640,"height":480}
//   {"summary":{"rows":3,"failed":1,"truncated":1,"tokens":256}}
//
// "line" and "id" stand there when the input has them; the last line sums up. Ownership and threads as VectorWriter.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "asterism/error.hpp"
#include "base/file.hpp"
#include "dataset/row.hpp"

namespace asterism {

struct RowsSummary {
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;
  std::uint64_t truncated_row_count = 0;
  std::uint64_t token_count = 0;  // that the model saw
  bool operator==(const RowsSummary&) const = default;
  void add(const RowOutcome& row) noexcept;
  RowsSummary& operator+=(const RowsSummary& other) noexcept;
};

class RowsWriter {
 public:
  // `row_first`: number of the first row that will be appended.
  static Result<RowsWriter> create(const std::filesystem::path& path, std::uint64_t row_first);
  Result<void> append(std::span<const RowOutcome> rows);
  const RowsSummary& summary() const noexcept { return summary_; }
  // Writes the summary and puts the file in place.
  Result<void> commit();

 private:
  RowsWriter(AtomicFile file, std::uint64_t row_first) : file_(std::move(file)), row_(row_first) {}

  AtomicFile file_;
  std::uint64_t row_ = 0;
  RowsSummary summary_;
  std::string text_;
};

}  // namespace asterism
