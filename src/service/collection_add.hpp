// Use case: put rows of inputs into a collection, embedded by its model or with vectors of one's own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "pipeline/embed_job.hpp"
#include "service/collections.hpp"

namespace asterism::service {

// A row's id where it names none: the path of an image, "source:line" of a text. The same when the same command runs
// again, so that the row is replaced and not doubled.
std::string item_id_of(const Row& row);

struct AddResponse;

struct AddRequest {
  CollectionTarget collection;
  // Borrowed: the collection, open for writing already; nothing is opened or made then. Null = `collection` says which.
  Collection* opened = nullptr;
  // Of a collection that is not there yet; the model's id is in `model`.
  CollectionSettings settings;
  // As the user names it. Empty: the collection's, or of a new one the built-in model for what the rows are. Another
  // than the collection's is kMismatch.
  std::string model;
  ModelFetch fetch;
  // Its inputs may be empty with `vectors`: ids are then row numbers from 0.
  RowSourceOptions input;
  // Rows that come from elsewhere than `input`, whose sources are names and no paths: pictures are kept whole.
  std::function<Result<std::unique_ptr<RowReader>>()> open_rows;
  std::string vectors;      // a .npy file [rows, dim]: a vector for each row of the input
  bool keep_files = false;  // the bytes of image files, not their paths alone
  bool build_index = true;  // afterwards
  std::function<void(const CollectionStatus&)> on_created;
  std::function<void(const EmbedJobProgress&)> on_progress;
  // After each window, durable by then: counts so far.
  std::function<void(const AddResponse& so_far)> on_window;
  // Of a row that cannot be added; those after it can.
  std::function<void(std::string_view place, const Error&)> on_row_error;
  ProgressSink on_index_progress;
};

struct AddResponse {
  AddSummary summary;
  PayloadKind kind = PayloadKind::kText;
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;
  std::uint64_t ignored_file_count = 0;
  IllFormedTexts ill_formed_texts;
  std::vector<std::string> unseen_columns;  // of the metadata asked for by name, those that no row had
  double seconds = 0.0;                     // without the index
  CollectionStatus status;
};

// Rows are added window by window, each durably; memory is one window. After an error or a cancel, which says how many
// rows were added, all of them stay, and the same request goes on: what has a vector already is not embedded again.
Result<AddResponse> add_rows(const AddRequest& request);

}  // namespace asterism::service
