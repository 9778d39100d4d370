// What a body is that is a file of rows, by its head: texts as lines, jsonl, csv or tsv, pictures as a form, an archive
// or one file. Thread-safety: pure.
#pragma once

#include <cstdint>
#include <string>

#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "server/http_message.hpp"

namespace asterism::server {

enum class UploadForm : std::uint8_t { kTexts, kForm, kArchive, kPicture };

struct UploadFormat {
  UploadForm form = UploadForm::kTexts;
  TextFormat texts = TextFormat::kLines;  // of kTexts
  std::string boundary = {};              // of kForm

  PayloadKind kind() const noexcept { return form == UploadForm::kTexts ? PayloadKind::kText : PayloadKind::kImage; }
};

// kUnsupported names the content types that are known; kInvalidArgument: a form without a boundary.
Result<UploadFormat> upload_format_of(const HttpRequest& head);

// The columns that ?column, ?id_column and ?metadata name, as for `asterism add`: all other columns are metadata unless
// "none" or some are named.
RowSourceOptions text_options(const HttpRequest& head, TextFormat format);

}  // namespace asterism::server
