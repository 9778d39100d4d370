// Rows of tables to vectors: model folders that `asterism train` writes for kinds "tabular_autoencoder" and "fusion".
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "encoder/encoder_impl.hpp"
#include "encoder/table_columns.hpp"
#include "models/tabular.hpp"

namespace asterism {

// By config.json.
bool is_table_model(const Json& config) noexcept;

// What a table must have for a model, told before the model is loaded. Nothing where `model` is no folder of such a
// model: a name of the catalogue, a model of texts or images.
Result<std::optional<RecordColumns>> table_inputs(std::string_view model);

// A tabular autoencoder's folder.
struct TableModel {
  TableColumns columns;
  TabularModel network;
};
// kCorrupt where columns and network do not fit together.
Result<TableModel> read_table_model(const std::filesystem::path& folder);

// Reads the weights; nothing is compiled before the first row.
Result<std::unique_ptr<Encoder::Impl>> make_table_encoder(const std::filesystem::path& folder,
                                                          const EncoderOptions& options);

}  // namespace asterism
