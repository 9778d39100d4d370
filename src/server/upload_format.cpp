#include "server/upload_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/ascii_case.hpp"
#include "server/multipart.hpp"

namespace asterism::server {
namespace {

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

Result<UploadFormat> upload_format_of(const HttpRequest& head) {
  static constexpr std::array<std::pair<std::string_view, TextFormat>, 7> kTexts{
      {{"application/x-ndjson", TextFormat::kJsonl},
       {"application/jsonl", TextFormat::kJsonl},
       {"application/x-jsonlines", TextFormat::kJsonl},
       {"application/jsonlines", TextFormat::kJsonl},
       {"text/csv", TextFormat::kCsv},
       {"text/tab-separated-values", TextFormat::kTsv},
       {"text/plain", TextFormat::kLines}}};
  const std::string_view given = head.header("content-type");
  const std::string type = media_type(given);
  const auto* const texts =
      std::ranges::find(kTexts, std::string_view(type), &std::pair<std::string_view, TextFormat>::first);
  if (texts != kTexts.end()) {
    return UploadFormat{.texts = texts->second};
  }
  if (type == "multipart/form-data") {
    auto boundary = multipart_boundary(given);
    return boundary ? Result<UploadFormat>({.form = UploadForm::kForm, .boundary = *std::move(boundary)})
                    : std::unexpected(std::move(boundary.error()));
  }
  if (type == "application/x-tar") {
    return UploadFormat{.form = UploadForm::kArchive};
  }
  if (type.starts_with("image/")) {
    return UploadFormat{.form = UploadForm::kPicture};
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("content-type: expected application/json, application/x-ndjson, text/csv, "
                          "text/tab-separated-values, text/plain, multipart/form-data, application/x-tar or "
                          "image/*, found \"{}\"",
                          type));
}

RowSourceOptions text_options(const HttpRequest& head, TextFormat format) {
  RowSourceOptions out{
      .format = format, .column = query_value(head.query, "column"), .id_column = query_value(head.query, "id_column")};
  if (format != TextFormat::kLines) {
    out.metadata = metadata_columns(query_value(head.query, "metadata"));
  }
  return out;
}

}  // namespace asterism::server
