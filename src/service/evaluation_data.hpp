// Rows that are evaluated: their vectors by every model that was asked for, their labels, and what baselines are made
// of.
//
// Ownership: values. Thread-safety: values. Cost: one pass over the input a model set; vectors, texts or small pictures
// are held in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/estimator.hpp"
#include "analysis/rows_view.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/collections.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

// As `labels_column`: of pictures, the name of the folder that a file is in.
inline constexpr std::string_view kFolderLabels = "folder";
// Edge of the small pictures that raw pixels are taken from.
inline constexpr std::int64_t kPixelBaselineEdge = 32;

struct EvaluationDataRequest {
  RowSourceOptions input;           // texts or pictures; or one input of vectors (service/analysis_rows.hpp)
  std::vector<std::string> models;  // none = the input is vectors already
  EncoderOptions encoder;
  ModelFetch fetch;
  CollectionTarget collection;
  std::string labels_column;                 // empty = no labels
  std::string labels_file;                   // a row a vector; without `labels_column` a label a line
  std::vector<std::string> one_hot_columns;  // categories that a one-hot baseline is made of
  bool is_for_baselines = true;              // keep texts and small pictures
};

// One embedding of the rows.
struct VectorSystem {
  std::string name;
  bool is_baseline = false;
  std::size_t dim = 0;
  std::vector<float> values;  // [rows, dim]

  RowsView view() const noexcept { return {values, dim == 0 ? 0 : values.size() / dim, dim}; }
};

struct EvaluationData {
  std::vector<std::string> ids;
  bool has_ids = false;                              // of vectors: every row has an id of its own
  std::vector<std::uint64_t> numbers;                // of vectors, [rows]: which row of the input each is
  std::vector<VectorSystem> systems;                 // one a model; or the vectors themselves
  std::vector<std::int32_t> labels;                  // [rows], -1 for none; empty without a labels column
  std::vector<std::string> class_names;              // in the order of their bytes
  std::vector<std::string> texts;                    // [rows] of texts
  std::vector<float> pixels;                         // [rows, 3 * edge * edge] of pictures, 0 to 1
  std::vector<std::vector<std::string>> categories;  // [one_hot_columns][rows]; empty where a row has none
  std::uint64_t failed_row_count = 0;                // rows that could not be read or embedded: they are not here

  std::size_t row_count() const noexcept { return ids.size(); }
};

// kNotFound for a labels column that no row has; kInvalidArgument where no row is left.
Result<EvaluationData> read_evaluation_data(const EvaluationDataRequest& request);

// Labels of both by one list of classes, in the order of their bytes.
void unite_classes(EvaluationData& a, EvaluationData& b);

// Whether an input is vectors: an array, jsonl that holds some, or a collection.
bool is_vector_input(const std::string& input);

}  // namespace asterism::service
