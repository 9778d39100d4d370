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
#include "dataset/tar_rows.hpp"
#include "server/content_coding.hpp"
#include "server/form_rows.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kBlockSizeBytes = std::size_t{256} << 10;
// What messages call the input.
constexpr std::string_view kInputName = "body";
// What pictures of an archive are of, where ?source says nothing.
constexpr std::string_view kArchiveName = "archive";
// Characters of a SHA-256 that name the source of rows.
constexpr std::size_t kSourceDigestSize = 12;
constexpr std::size_t kDropSizeBytes = std::size_t{64} << 10;

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

// Pictures to the end of the body. An archive takes what its bytes end with for damage of its own, which costs a row:
// a body that breaks off is none.
class WholePictures final : public RecordReader {
 public:
  WholePictures(std::unique_ptr<RecordReader> rows, std::shared_ptr<UploadStream> upload, const CancelFlag& cancel)
      : rows_(std::move(rows)), upload_(std::move(upload)), cancel_(cancel) {}

  Result<bool> next(Row& row) override {
    auto found = rows_->next(row);
    if (!found || (*found && !row.error)) {
      return found;
    }
    if (const auto broken = upload_->error()) {
      return std::unexpected(*broken);
    }
    return *found ? found : drop_rest();
  }
  RecordPlace place() const noexcept override { return rows_->place(); }
  Result<bool> seek(const RecordPlace& /*place*/) override { return false; }
  std::uint64_t ignored_file_count() const noexcept override { return rows_->ignored_file_count(); }

 private:
  // Padding of archives; a client that still sends would not see its answer.
  Result<bool> drop_rest() {
    std::vector<char> dropped(kDropSizeBytes);
    for (;;) {
      const auto size = upload_->read(dropped, cancel_);
      if (!size) {
        return std::unexpected(size.error());
      }
      if (*size == 0) {
        return false;
      }
    }
  }

  std::unique_ptr<RecordReader> rows_;
  std::shared_ptr<UploadStream> upload_;
  const CancelFlag& cancel_;
};

Result<std::unique_ptr<RecordReader>> open_texts(const HttpRequest& head, TextFormat format,
                                                 std::unique_ptr<ByteSource> bytes) {
  const RowSourceOptions columns = text_options(head, format);
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

Result<std::unique_ptr<RecordReader>> open_records(const HttpRequest& head, const UploadFormat& format,
                                                   std::unique_ptr<ByteSource> bytes) {
  switch (format.form) {
    case UploadForm::kTexts:
      return open_texts(head, format.texts, std::move(bytes));
    case UploadForm::kForm:
      return make_form_rows(std::move(bytes), format.boundary, kUploadPictureSizeBytesMax);
    case UploadForm::kArchive: {
      std::string source = query_value(head.query, "source");
      return make_tar_rows(std::move(bytes), source.empty() ? std::string(kArchiveName) : std::move(source), 0,
                           {.row_size_bytes_max = kUploadPictureSizeBytesMax});
    }
    case UploadForm::kPicture:
      break;
  }
  return fail(ErrorCode::kInternal, "body: one picture is no file of rows");
}

std::unique_ptr<RowReader> rows_of(PayloadKind kind, std::unique_ptr<RecordReader> records) {
  return make_inputs_reader(
      {.kind = kind,
       .inputs = {{.path = std::string(kInputName)}},
       .weights = {0.0},
       .open = [records = std::make_shared<std::unique_ptr<RecordReader>>(std::move(records))](
                   std::size_t) -> Result<std::unique_ptr<RecordReader>> { return std::move(*records); }});
}

class OnePicture final : public RecordReader {
 public:
  explicit OnePicture(Row picture) : picture_(std::move(picture)) {}
  Result<bool> next(Row& row) override {
    const bool given = std::exchange(given_, true);
    if (!given) {
      row = std::move(picture_);
    }
    return !given;
  }
  RecordPlace place() const noexcept override { return {}; }
  Result<bool> seek(const RecordPlace& /*place*/) override { return false; }

 private:
  Row picture_;
  bool given_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_upload(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                const CancelFlag& cancel) {
  return make_decoded_source(std::make_unique<UploadBytes>(std::move(upload), cancel), head.header("content-encoding"));
}

Result<std::unique_ptr<RowReader>> open_streamed_rows(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                      const CancelFlag& cancel) {
  const auto format = upload_format_of(head);
  if (!format) {
    return std::unexpected(format.error());
  }
  auto decoded = open_upload(head, upload, cancel);
  auto records =
      decoded ? open_records(head, *format, *std::move(decoded)) : std::unexpected(std::move(decoded.error()));
  if (!records) {
    // A column that is not there is the request's fault, and no path that is not there.
    Error error = std::move(records.error());
    error.code = error.code == ErrorCode::kNotFound ? ErrorCode::kInvalidArgument : error.code;
    return std::unexpected(std::move(error));
  }
  if (format->kind() == PayloadKind::kImage) {
    records = std::make_unique<WholePictures>(*std::move(records), std::move(upload), cancel);
  }
  return rows_of(format->kind(), *std::move(records));
}

Result<std::unique_ptr<RowReader>> open_picture_row(HttpRequest& request) {
  const std::string id = query_value(request.query, "id");
  if (id.empty()) {
    return fail(ErrorCode::kInvalidArgument, "?id: expected the picture's id, found none");
  }
  Row row{.source = id, .id = id, .payload = {.kind = PayloadKind::kImage, .bytes = std::exchange(request.body, {})}};
  return rows_of(PayloadKind::kImage, std::make_unique<OnePicture>(std::move(row)));
}

}  // namespace asterism::server
