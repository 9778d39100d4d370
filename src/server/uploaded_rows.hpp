// A body that is a file of rows: texts as lines, jsonl, csv or tsv, pictures as a form, an archive or one file.
//
// Ownership: holds the body; readers share it. Thread-safety: open() from any thread. Cost: the body, once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "server/http_message.hpp"

namespace asterism::server {

// Characters of a SHA-256 that name the source of rows.
inline constexpr std::size_t kSourceDigestSize = 12;

// Of texts as files: lines, jsonl, csv, tsv; nothing for any other content type.
std::optional<TextFormat> text_format_of(const HttpRequest& request);
// The columns that ?column, ?id_column and ?metadata name.
RowSourceOptions text_options(const HttpRequest& request, TextFormat format);

class UploadedRows {
 public:
  // By the content type, with ?column, ?id_column, ?metadata and ?source as for `asterism add`: all other columns are
  // metadata unless "none" or some are named; rows without an id are SOURCE:LINE, by default after the body's SHA-256,
  // so that the same file sent again is the same rows. Moves the body out of `request`. kUnsupported names the content
  // types that are known.
  static Result<UploadedRows> take(HttpRequest& request);

  // From the beginning. What is wrong with the file as such (a csv header without the column) is an error here.
  Result<std::unique_ptr<RowReader>> open() const;
  // Reads it once.
  Result<std::uint64_t> count_rows() const;
  PayloadKind kind() const noexcept { return kind_; }
  const std::string& body() const noexcept { return *body_; }
  bool is_archive() const noexcept { return form_ == Form::kTar; }
  // Nothing where the rows are pictures.
  std::optional<TextFormat> text_format() const noexcept {
    return form_ == Form::kText ? std::optional(options_.format) : std::nullopt;
  }

 private:
  enum class Form : std::uint8_t { kText, kParts, kTar, kOnePicture };

  std::shared_ptr<const std::string> body_;
  Form form_ = Form::kText;
  PayloadKind kind_ = PayloadKind::kText;
  RowSourceOptions options_ = {};  // format and columns
  std::string source_;
  std::string boundary_;    // of kParts
  std::string picture_id_;  // of kOnePicture
};

}  // namespace asterism::server
