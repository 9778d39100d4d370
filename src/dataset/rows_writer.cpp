#include "dataset/rows_writer.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "dataset/json_text.hpp"

namespace asterism {
namespace {

void append_outcome(std::string& out, const RowOutcome& row, std::uint64_t number) {
  fmt::format_to(std::back_inserter(out), "{{\"row\":{},", number);
  append_json_place(out, row.source, row.line, row.id);
  if (row.error) {
    out += ",\"error\":";
    append_json_error(out, *row.error);
  } else if (row.kind == PayloadKind::kImage || row.kind == PayloadKind::kTensor) {
    fmt::format_to(std::back_inserter(out), ",\"width\":{},\"height\":{}", row.image_width, row.image_height);
  } else if (row.kind == PayloadKind::kText) {
    fmt::format_to(std::back_inserter(out), ",\"tokens\":{},\"tokens_used\":{},\"truncated\":{}", row.token_count_given,
                   row.token_count_used, row.truncated());
  }
  out += "}\n";
}

}  // namespace

void RowsSummary::add(const RowOutcome& row) noexcept {
  ++row_count;
  if (row.error) {
    ++failed_row_count;
    return;
  }
  truncated_row_count += row.truncated() ? 1U : 0U;
  token_count += row.token_count_used;
}

RowsSummary& RowsSummary::operator+=(const RowsSummary& other) noexcept {
  row_count += other.row_count;
  failed_row_count += other.failed_row_count;
  truncated_row_count += other.truncated_row_count;
  token_count += other.token_count;
  return *this;
}

Result<RowsWriter> RowsWriter::create(const std::filesystem::path& path, std::uint64_t row_first) {
  auto file = AtomicFile::create(path);
  if (!file) {
    return std::unexpected(file.error());
  }
  return RowsWriter(std::move(*file), row_first);
}

Result<void> RowsWriter::append(std::span<const RowOutcome> rows) {
  text_.clear();
  for (const RowOutcome& row : rows) {
    append_outcome(text_, row, row_++);
    summary_.add(row);
  }
  return file_.write(text_);
}

Result<void> RowsWriter::commit() {
  if (auto written = file_.write(fmt::format(
          "{{\"summary\":{{\"rows\":{},\"failed\":{},\"truncated\":{},\"tokens\":{}}}}}\n", summary_.row_count,
          summary_.failed_row_count, summary_.truncated_row_count, summary_.token_count));
      !written) {
    return written;
  }
  return file_.commit();
}

}  // namespace asterism
