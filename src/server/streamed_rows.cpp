#include "server/streamed_rows.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.hpp"
#include "dataset/inputs_reader.hpp"
#include "dataset/record_reader.hpp"
#include "server/content_coding.hpp"
#include "server/uploaded_rows.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kBlockSizeBytes = std::size_t{256} << 10;
// What messages call the input.
constexpr std::string_view kInputName = "body";

class UploadBytes final : public ByteSource {
 public:
  UploadBytes(std::shared_ptr<UploadStream> upload, const CancelFlag& cancel)
      : upload_(std::move(upload)), cancel_(cancel) {}

  Result<std::size_t> read(std::span<char> out) override { return upload_->read(out, cancel_); }
  Result<void> seek(std::uint64_t /*offset*/) override {
    return fail(ErrorCode::kInternal, "body: it is read once, while it arrives");
  }

 private:
  std::shared_ptr<UploadStream> upload_;
  const CancelFlag& cancel_;
};

// Gives a block's bytes once it has the whole block and its digest.
class DigestedBytes final : public ByteSource {
 public:
  DigestedBytes(std::unique_ptr<ByteSource> bytes, std::vector<std::string>& sources)
      : bytes_(std::move(bytes)), sources_(sources) {}

  Result<std::size_t> read(std::span<char> out) override {
    if (taken_ == block_.size()) {
      if (auto filled = fill(); !filled) {
        return std::unexpected(std::move(filled.error()));
      }
    }
    const std::size_t size = std::min(out.size(), block_.size() - taken_);
    std::memcpy(out.data(), block_.data() + taken_, size);
    taken_ += size;
    return size;
  }
  Result<void> seek(std::uint64_t offset) override { return bytes_->seek(offset); }

 private:
  Result<void> fill() {
    block_.resize(kBlockSizeBytes);
    taken_ = 0;
    std::size_t size = 0;
    for (std::size_t more = 1; more != 0 && size < kBlockSizeBytes; size += more) {
      const auto read = bytes_->read(std::span(block_).subspan(size));
      if (!read) {
        block_.clear();
        return std::unexpected(read.error());
      }
      more = *read;
    }
    block_.resize(size);
    Sha256 digest;
    digest.update(std::as_bytes(std::span(digest_)));
    digest.update(std::as_bytes(std::span(block_)));
    digest_ = digest.hex();
    sources_.push_back(digest_.substr(0, kSourceDigestSize));
    return {};
  }

  std::unique_ptr<ByteSource> bytes_;
  std::vector<std::string>& sources_;  // by block
  std::string digest_;                 // of all blocks so far
  std::vector<char> block_;
  std::size_t taken_ = 0;
};

// Says of each row which source it is of, by where it begins.
class DigestedRows final : public RecordReader {
 public:
  // `rows` writes into `sources` while it reads.
  DigestedRows(std::unique_ptr<std::vector<std::string>> sources, std::unique_ptr<RecordReader> rows)
      : sources_(std::move(sources)), rows_(std::move(rows)) {}

  Result<bool> next(Row& row) override {
    const auto block = static_cast<std::size_t>(rows_->place().byte_offset / kBlockSizeBytes);
    auto found = rows_->next(row);
    if (found && *found) {
      row.source = (*sources_)[std::min(block, sources_->size() - 1)];
    }
    return found;
  }
  RecordPlace place() const noexcept override { return rows_->place(); }
  Result<bool> seek(const RecordPlace& /*place*/) override { return false; }
  std::span<const std::string> column_names() const noexcept override { return rows_->column_names(); }

 private:
  std::unique_ptr<std::vector<std::string>> sources_;
  std::unique_ptr<RecordReader> rows_;
};

Result<std::unique_ptr<RecordReader>> open_records(const HttpRequest& head, std::unique_ptr<ByteSource> bytes) {
  const RowSourceOptions columns = text_options(head, text_format_of(head).value_or(TextFormat::kLines));
  RecordOptions options{.source = query_value(head.query, "source"),
                        .column = columns.column,
                        .id_column = columns.id_column,
                        .metadata = columns.metadata};
  if (!options.source.empty()) {
    return make_record_reader(columns.format, std::move(bytes), std::move(options));
  }
  options.source = kInputName;
  auto sources = std::make_unique<std::vector<std::string>>();
  auto rows = make_record_reader(columns.format, std::make_unique<DigestedBytes>(std::move(bytes), *sources),
                                 std::move(options));
  if (!rows) {
    return rows;
  }
  return std::make_unique<DigestedRows>(std::move(sources), *std::move(rows));
}

}  // namespace

Result<std::unique_ptr<RowReader>> open_streamed_rows(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                      const CancelFlag& cancel) {
  auto decoded =
      make_decoded_source(std::make_unique<UploadBytes>(std::move(upload), cancel), head.header("content-encoding"));
  auto records = decoded ? open_records(head, *std::move(decoded)) : std::unexpected(std::move(decoded.error()));
  if (!records) {
    // A column that is not there is the request's fault, and no path that is not there.
    Error error = std::move(records.error());
    error.code = error.code == ErrorCode::kNotFound ? ErrorCode::kInvalidArgument : error.code;
    return std::unexpected(std::move(error));
  }
  return make_inputs_reader(
      {.kind = PayloadKind::kText,
       .inputs = {{.path = std::string(kInputName)}},
       .weights = {0.0},
       .open = [records = std::make_shared<std::unique_ptr<RecordReader>>(*std::move(records))](
                   std::size_t) -> Result<std::unique_ptr<RecordReader>> { return std::move(*records); }});
}

}  // namespace asterism::server
