#include "server/form_rows.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/json.hpp"
#include "server/multipart.hpp"

namespace asterism::server {
namespace {

// The part that holds {"NAME": {...}}: metadata by the names of the files.
constexpr std::string_view kMetadataPart = "metadata";

class FormRows final : public RecordReader {
 public:
  FormRows(std::unique_ptr<ByteSource> form, std::string_view boundary, std::size_t picture_size_bytes_max)
      : parts_(std::move(form), boundary, picture_size_bytes_max) {}

  Result<bool> next(Row& row) override {
    for (;;) {
      auto part = parts_.next();
      if (!part) {
        return std::unexpected(std::move(part.error()));
      }
      if (!*part) {
        return picture_count_ > 0 ? Result<bool>(false)
                                  : fail(ErrorCode::kInvalidArgument,
                                         "request body: expected files of pictures in the form, found none",
                                         "curl -F file=@a.jpg -F file=@b.jpg");
      }
      if ((*part)->name == kMetadataPart && (*part)->file_name.empty()) {
        if (auto taken = take_metadata(**part); !taken) {
          return std::unexpected(std::move(taken.error()));
        }
      } else if (!(*part)->file_name.empty() || (*part)->content_type.starts_with("image/")) {
        take_picture(**std::move(part), row);
        return true;
      }
    }
  }
  RecordPlace place() const noexcept override { return {.byte_offset = size_bytes_, .line = picture_count_}; }
  Result<bool> seek(const RecordPlace& /*place*/) override { return false; }

 private:
  Result<void> take_metadata(const MultipartPart& part) {
    if (picture_count_ > 0) {
      return fail(ErrorCode::kInvalidArgument, "part \"metadata\": expected before the first picture, found behind it",
                  "pictures are added while they arrive: send the part first");
    }
    if (part.refused) {
      return std::unexpected(*part.refused);
    }
    auto json = parse_json(part.data, "part \"metadata\"");
    if (!json || !json->is_object() || !std::ranges::all_of(*json, [](const Json& v) { return v.is_object(); })) {
      return fail(ErrorCode::kInvalidArgument,
                  "part \"metadata\": expected {\"FILE NAME\": {...}, ...}, found something else");
    }
    metadata_ = *std::move(json);
    return {};
  }

  void take_picture(MultipartPart part, Row& row) {
    const std::string& name = part.file_name.empty() ? part.name : part.file_name;
    ++picture_count_;
    size_bytes_ += part.data.size();
    row = {.source = name, .id = name, .payload = {.kind = PayloadKind::kImage, .bytes = std::move(part.data)}};
    row.error = std::move(part.refused);
    if (const auto found = metadata_.find(name); found != metadata_.end()) {
      row.metadata = found->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
  }

  MultipartReader parts_;
  Json metadata_ = Json::object();
  std::uint64_t picture_count_ = 0;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

std::unique_ptr<RecordReader> make_form_rows(std::unique_ptr<ByteSource> form, std::string_view boundary,
                                             std::size_t picture_size_bytes_max) {
  return std::make_unique<FormRows>(std::move(form), boundary, picture_size_bytes_max);
}

}  // namespace asterism::server
