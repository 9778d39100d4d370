#include "pipeline/encoder_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

namespace asterism {
namespace {

Result<Embeddings> encode_tensors(const Encoder& encoder, std::span<const Payload> rows) {
  const auto& wanted = encoder.info().image_shape;
  std::vector<float> values;
  for (const Payload& row : rows) {
    if (!std::ranges::equal(row.tensor->shape(), wanted)) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("model '{}': expected preprocessed images {}, found {}", encoder.info().model,
                              shape_to_string(wanted), shape_to_string(row.tensor->shape())),
                  "the arrays must be what the model's own preprocessing gives (`asterism models show MODEL`)");
    }
    std::ranges::copy(row.tensor->as<float>(), std::back_inserter(values));
  }
  return encoder.encode_pixels({.values = values, .row_count = rows.size()});
}

}  // namespace

void read_as_records(RowSourceOptions& input, const RecordColumns& columns) {
  const auto kind = resolve_input_kind(input);
  if (input.kind == InputKind::kAuto && kind && *kind == PayloadKind::kText) {
    input.kind = InputKind::kRecord;
    input.columns = columns;
  }
}

Result<void> expect_kind(const Encoder& encoder, PayloadKind kind) {
  const EncoderInfo& info = encoder.info();
  if (info.takes_records != (kind == PayloadKind::kRecord)) {
    return info.takes_records
               ? fail(ErrorCode::kUnsupported,
                      fmt::format("model '{}': expected rows of a table, found {}s", info.model,
                                  payload_kind_name(kind)),
                      fmt::format("name a .csv, .tsv or .jsonl file with the columns {}",
                                  fmt::join(info.columns.names, ", ")))
               : fail(ErrorCode::kUnsupported,
                      fmt::format("model '{}': expected texts or images, found rows of a table", info.model),
                      "choose a model that was trained on tables (-m)");
  }
  if (info.takes_records) {
    return {};
  }
  if (kind == PayloadKind::kText && !info.takes_texts) {
    return fail(ErrorCode::kUnsupported, fmt::format("model '{}': expected images, found texts", info.model),
                "name image files or folders, or choose a model for texts (-m)");
  }
  if (kind != PayloadKind::kText && !info.takes_images) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("model '{}': expected texts, found {}s", info.model, payload_kind_name(kind)),
                "choose a model for images (-m), or say that the inputs are texts (--kind text)");
  }
  return {};
}

Result<Embeddings> encode_rows(const Encoder& encoder, std::span<const Payload> rows) {
  if (!rows.empty() && rows.front().kind == PayloadKind::kTensor) {
    return encode_tensors(encoder, rows);
  }
  if (!rows.empty() && rows.front().kind == PayloadKind::kRecord) {
    std::vector<Record> records;
    records.reserve(rows.size());
    for (const Payload& row : rows) {
      records.push_back(row.cells);
    }
    return encoder.encode_records(records);
  }
  std::vector<std::string_view> bytes;
  bytes.reserve(rows.size());
  for (const Payload& row : rows) {
    bytes.emplace_back(row.bytes);
  }
  const bool images = !rows.empty() && rows.front().kind == PayloadKind::kImage;
  return images ? encoder.encode_images(bytes) : encoder.encode(bytes);
}

}  // namespace asterism
