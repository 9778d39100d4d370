// Vectors that are to be analysed, with what is known of their rows: of a file, or of a collection.
//
//   vectors.npy, vectors.safetensors   an array [rows, dim]; ids from FILE.rows.jsonl where `asterism embed` wrote one
//   vectors.jsonl                      objects with "embedding" (of `asterism embed`) or "vector" (of `collection
//                                      export`), and any other columns
//   anything else                      a collection: a folder or a URL
//
// Texts and columns stand in the jsonl or collection itself, or in a file whose rows are those of the vectors.
// Ownership: values; the rows of a .npy file of float32 share its mapping. Thread-safety: values. Cost: one pass; the
// vectors, ids, texts and columns that were asked for are held in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/rows_view.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "dataset/text_reader.hpp"
#include "service/collections.hpp"
#include "tensor/tensor.hpp"

namespace asterism::service {

struct AnalysisRowsRequest {
  std::string input;
  std::string tensor_name = {};      // of a .safetensors file; empty = "embeddings", or the only one
  CollectionTarget collection = {};  // how one is opened; its location is `input`
  std::string filter = {};           // of a collection (docs/filters.md)
  // Whether texts are wanted. They are the content of a collection's items, or the column `text_column` of the jsonl,
  // of the metadata or of `texts_file`.
  bool texts = false;
  std::string texts_file = {};  // a row for each vector: lines, jsonl, csv or tsv
  TextFormat texts_format = TextFormat::kAuto;
  std::string text_column = {};  // empty = the content of items, else "text"
  // Columns of the jsonl, paths in the metadata, or columns of `texts_file` where there is one.
  std::vector<std::string> columns = {};
};

struct AnalysisColumn {
  std::string name;
  std::vector<std::optional<std::string>> values;  // [rows]; numbers as JSON writes them; nothing where there is none
};

struct AnalysisRows {
  Tensor values;  // f32 [rows, dim], all finite
  std::size_t row_count = 0;
  std::size_t dim = 0;
  std::vector<std::uint64_t> numbers;   // [rows]: which row of the input each is, from 0
  std::vector<std::string> ids;         // [rows]; the number where the input has none
  bool has_ids = false;                 // every row has an id of its own, not a place in a file
  std::vector<std::string> texts;       // [rows], or none where none were asked for; empty where a row has none
  std::vector<AnalysisColumn> columns;  // as they were asked for
  std::optional<CollectionSettings> collection;  // where the input is one
  std::uint64_t left_out_count = 0;              // rows of the input without a vector, or with one that is not finite

  RowsView view() const noexcept { return {.values = values.as<float>(), .row_count = row_count, .dim = dim}; }
};

// Whether `input` is read as a collection: by its ending no file of vectors, and no other file either.
bool is_collection_input(const std::string& input);

// Whether a file of jsonl holds vectors: the first row that has a column of them decides, among the first few.
bool is_vector_jsonl(const std::string& input);

// kNotFound for columns that no row has; kMismatch where texts and vectors differ in number. No rows at all is
// kInvalidArgument.
Result<AnalysisRows> open_analysis_rows(const AnalysisRowsRequest& request);

// How the rows are compared: as asked, else as their collection does, else by the cosine; an inner product as a cosine.
Metric compared_metric(const AnalysisRows& rows, std::optional<Metric> asked);
// The rows themselves, or where the cosine counts scaled to length 1; `scaled` keeps those.
RowsView compared_rows(const AnalysisRows& rows, Metric metric, std::vector<float>& scaled);

}  // namespace asterism::service
