#include "server/uploaded_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/ascii_case.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "dataset/inputs_reader.hpp"
#include "dataset/record_reader.hpp"
#include "dataset/tar_rows.hpp"
#include "image/decode.hpp"
#include "server/multipart.hpp"

namespace asterism::server {
namespace {

// The part of a form that holds {"NAME": {...}}: metadata by the names of the files.
constexpr std::string_view kMetadataPart = "metadata";

// Shares the body, so that a second pass costs no copy.
class SharedBytes final : public ByteSource {
 public:
  explicit SharedBytes(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min(out.size(), bytes_->size() - at_);
    std::memcpy(out.data(), bytes_->data() + at_, size);
    at_ += size;
    return size;
  }
  Result<void> seek(std::uint64_t offset) override {
    at_ = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_->size()));
    return {};
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::size_t at_ = 0;
};

// The files of a form, in order.
class PictureParts final : public RecordReader {
 public:
  PictureParts(std::shared_ptr<const std::string> body, std::vector<MultipartPart> parts, Json metadata)
      : body_(std::move(body)), parts_(std::move(parts)), metadata_(std::move(metadata)) {}

  Result<bool> next(Row& row) override {
    if (at_ == parts_.size()) {
      return false;
    }
    const MultipartPart& part = parts_[at_++];
    const std::string& name = part.file_name.empty() ? part.name : part.file_name;
    row = {.source = name, .id = name, .payload = {.kind = PayloadKind::kImage, .bytes = std::string(part.data)}};
    if (const auto found = metadata_.find(name); found != metadata_.end()) {
      row.metadata = found->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    done_ += part.data.size();
    return true;
  }
  RecordPlace place() const noexcept override { return {.byte_offset = done_, .line = at_}; }
  Result<bool> seek(const RecordPlace& /*place*/) override { return false; }

 private:
  std::shared_ptr<const std::string> body_;  // what the parts look into
  std::vector<MultipartPart> parts_;
  Json metadata_;
  std::size_t at_ = 0;
  std::size_t done_ = 0;
};

Result<std::unique_ptr<RecordReader>> open_parts(const std::shared_ptr<const std::string>& body,
                                                 const std::string& boundary) {
  auto parts = parse_multipart(*body, boundary);
  if (!parts) {
    return std::unexpected(std::move(parts.error()));
  }
  Json metadata = Json::object();
  std::vector<MultipartPart> pictures;
  for (MultipartPart& part : *parts) {
    if (part.name == kMetadataPart && part.file_name.empty()) {
      auto json = parse_json(part.data, "part \"metadata\"");
      if (!json || !json->is_object() || !std::ranges::all_of(*json, [](const Json& v) { return v.is_object(); })) {
        return fail(ErrorCode::kInvalidArgument,
                    "part \"metadata\": expected {\"FILE NAME\": {...}, ...}, found something else");
      }
      metadata = *std::move(json);
    } else if (!part.file_name.empty() || part.content_type.starts_with("image/")) {
      pictures.push_back(std::move(part));
    }
  }
  if (pictures.empty()) {
    return fail(ErrorCode::kInvalidArgument, "request body: expected files of pictures in the form, found none",
                "curl -F file=@a.jpg -F file=@b.jpg");
  }
  return std::make_unique<PictureParts>(body, std::move(pictures), std::move(metadata));
}

std::string media_type(std::string_view content_type) {
  std::string out(content_type.substr(0, content_type.find(';')));
  while (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  std::ranges::transform(out, out.begin(), [](char c) { return ascii_lower(c); });
  return out;
}

MetadataColumns metadata_columns(const std::string& asked) {
  if (asked.empty()) {
    return {.all = true};
  }
  MetadataColumns columns;
  for (std::size_t begin = 0; asked != "none" && begin <= asked.size();) {
    const std::size_t end = std::min(asked.find(',', begin), asked.size());
    columns.names.push_back(asked.substr(begin, end - begin));
    begin = end + 1;
  }
  return columns;
}

}  // namespace

std::optional<TextFormat> text_format_of(const HttpRequest& request) {
  static constexpr std::array<std::pair<std::string_view, TextFormat>, 7> kTexts{
      {{"application/x-ndjson", TextFormat::kJsonl},
       {"application/jsonl", TextFormat::kJsonl},
       {"application/x-jsonlines", TextFormat::kJsonl},
       {"application/jsonlines", TextFormat::kJsonl},
       {"text/csv", TextFormat::kCsv},
       {"text/tab-separated-values", TextFormat::kTsv},
       {"text/plain", TextFormat::kLines}}};
  const std::string type = media_type(request.header("content-type"));
  const auto* const found =
      std::ranges::find(kTexts, std::string_view(type), &std::pair<std::string_view, TextFormat>::first);
  return found == kTexts.end() ? std::nullopt : std::optional(found->second);
}

RowSourceOptions text_options(const HttpRequest& request, TextFormat format) {
  RowSourceOptions out{.format = format,
                       .column = query_value(request.query, "column"),
                       .id_column = query_value(request.query, "id_column")};
  if (format != TextFormat::kLines) {
    out.metadata = metadata_columns(query_value(request.query, "metadata"));
  }
  return out;
}

Result<UploadedRows> UploadedRows::take(HttpRequest& request) {
  UploadedRows out;
  const std::string_view given = request.header("content-type");
  const std::string type = media_type(given);
  if (const auto text = text_format_of(request)) {
    out.options_ = text_options(request, *text);
  } else if (type == "multipart/form-data") {
    auto boundary = multipart_boundary(given);
    if (!boundary) {
      return std::unexpected(std::move(boundary.error()));
    }
    out.form_ = Form::kParts;
    out.boundary_ = *std::move(boundary);
  } else if (type == "application/x-tar") {
    out.form_ = Form::kTar;
  } else if (type.starts_with("image/")) {
    out.form_ = Form::kOnePicture;
    out.picture_id_ = query_value(request.query, "id");
    if (out.picture_id_.empty()) {
      return fail(ErrorCode::kInvalidArgument, "?id: expected the picture's id, found none");
    }
  } else {
    return fail(ErrorCode::kUnsupported,
                fmt::format("content-type: expected application/json, application/x-ndjson, text/csv, "
                            "text/tab-separated-values, text/plain, multipart/form-data, application/x-tar or "
                            "image/*, found \"{}\"",
                            type));
  }
  out.kind_ = out.form_ == Form::kText ? PayloadKind::kText : PayloadKind::kImage;
  out.body_ = std::make_shared<const std::string>(std::exchange(request.body, {}));
  out.source_ = query_value(request.query, "source");
  if (out.source_.empty()) {
    out.source_ = sha256_hex(std::as_bytes(std::span(*out.body_))).substr(0, kSourceDigestSize);
  }
  return out;
}

Result<std::unique_ptr<RowReader>> UploadedRows::open() const {
  const auto open_records = [body = body_, form = form_, options = options_, source = source_, boundary = boundary_,
                             id = picture_id_](std::size_t) -> Result<std::unique_ptr<RecordReader>> {
    switch (form) {
      case Form::kText:
        return make_record_reader(
            options.format, std::make_unique<SharedBytes>(body),
            {.source = source, .column = options.column, .id_column = options.id_column, .metadata = options.metadata});
      case Form::kParts:
        return open_parts(body, boundary);
      case Form::kTar:
        return make_tar_rows(std::make_unique<SharedBytes>(body), source, body->size(),
                             {.row_size_bytes_max = kImageFileSizeBytesMax});
      case Form::kOnePicture:
        break;
    }
    std::vector<MultipartPart> one(1);
    one[0].name = id;
    one[0].data = *body;
    return std::make_unique<PictureParts>(body, std::move(one), Json::object());
  };
  if (auto first = open_records(0); !first) {
    // A column that is not there is the request's fault, and no path that is not there.
    const bool missing = first.error().code == ErrorCode::kNotFound;
    return fail(missing ? ErrorCode::kInvalidArgument : first.error().code, first.error().message, first.error().hint);
  }
  return make_inputs_reader({.kind = kind_,
                             .inputs = {{.path = source_, .seekable = true, .size_bytes = body_->size()}},
                             .weights = {static_cast<double>(body_->size())},
                             .open = open_records});
}

Result<std::uint64_t> UploadedRows::count_rows() const {
  auto rows = open();
  if (!rows) {
    return std::unexpected(std::move(rows.error()));
  }
  for (std::uint64_t count = 0;; ++count) {
    const auto row = (*rows)->next();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return count;
    }
  }
}

}  // namespace asterism::server
