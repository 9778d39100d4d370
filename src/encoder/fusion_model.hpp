// Fused vectors: what an encoder makes of a row's text or picture beside the row's columns, scaled so that neither part
// drowns the other.
//
// A fusion's folder, as `asterism train` writes it for kind "fusion": config.json {"model_type": "asterism_fusion",
// "encoder": "all-MiniLM-L6-v2", "content_column": "title", "content_kind": "text" | "image", "image_folder": "",
// "content_scale": ..., "columns_scale": ..., "columns_form": "scaled" | "model", "columns": {...} (of "scaled")},
// model.safetensors with "content.centre" and "columns.centre", and columns/, a tabular autoencoder's folder (of
// "model"). A vector is scale * (v - centre) of the content, then of the columns.
//
// Ownership: FusionParts owns its encoders. Thread-safety: const members as Encoder's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/table_columns.hpp"

namespace asterism {

inline constexpr std::string_view kFusionType = "asterism_fusion";
inline constexpr std::string_view kFusionColumnsFolder = "columns";

// What is fused.
struct FusionSettings {
  std::string encoder;         // as for `asterism embed --model`
  std::string content_column;  // of the text, or of the picture's file
  bool content_is_file = false;
  std::string image_folder;             // where names of files begin, below the table's folder
  std::filesystem::path columns_model;  // a tabular autoencoder's folder; empty: the columns themselves
  TableColumns columns;                 // of that model, or fitted

  RecordColumns record_columns() const;  // the columns, then the content
};

// How one part is placed beside the other.
struct FusionScale {
  std::vector<float> centre;
  double scale = 1.0;
};

struct FusionModel {
  FusionSettings settings;
  FusionScale content;
  FusionScale columns;
};

Result<FusionModel> read_fusion_model(const std::filesystem::path& folder);
// The columns' model is copied, so that the folder stands alone but for the encoder that it names.
Result<void> write_fusion_model(const FusionModel& model, const std::filesystem::path& folder);
// What is to be read of a table, without reading any weights.
Result<RecordColumns> fusion_inputs(const Json& config, const std::filesystem::path& folder);

// Vectors of both parts as they are.
class FusionParts {
 public:
  // kUnsupported where the encoder takes no contents of the kind.
  static Result<FusionParts> load(const FusionSettings& settings, const EncoderOptions& options);

  std::size_t content_dim() const noexcept { return content_->dim(); }
  std::size_t columns_dim() const noexcept { return columns_dim_; }
  const EncoderInfo& encoder() const noexcept { return content_->info(); }

  struct Vectors {
    std::vector<float> content;                // [records, content_dim]
    std::vector<float> columns;                // [records, columns_dim]
    std::vector<std::optional<Error>> errors;  // [records]: a record that has no vector
  };
  Result<Vectors> encode(std::span<const Record> records) const;

 private:
  FusionParts() = default;
  Result<void> encode_contents(std::span<const Record> records, Vectors& out) const;
  Result<void> encode_columns(std::span<const Record> records, Vectors& out) const;

  bool content_is_file_ = false;
  std::optional<Encoder> content_;
  std::unique_ptr<Encoder::Impl> columns_model_;  // null: the columns themselves
  std::optional<TableCoder> coder_;
  std::optional<ColumnVectors> column_vectors_;
  std::size_t columns_dim_ = 0;
};

// [records, content_dim + columns_dim]; rows with an error are NaN.
std::vector<float> fuse(const FusionModel& model, const FusionParts::Vectors& parts);

Result<std::unique_ptr<Encoder::Impl>> make_fusion_encoder(const std::filesystem::path& folder,
                                                           const EncoderOptions& options);

}  // namespace asterism
