// Use cases: a collection as one jsonl file, and back into a collection of any store.
//
// The first line is {"asterism_collection": 1, "settings": {...}}; each one after it is an item:
//   {"id": "a", "kind": "text", "content": "...", "metadata": {...}, "sha256": "...", "vector": [...]}
// What an image's collection keeps of its file is "data_base64"; ids and contents that are not UTF-8 are "id_base64"
// and "content_base64". With vectors in a file of their own the first line names it ("vectors": "NAME.npy", beside the
// jsonl) and the items have none; row i is of the i-th item.
#pragma once

#include <cstdint>
#include <string>

#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "service/collections.hpp"

namespace asterism::service {

// Longest line of such a file: an image of the largest size, as text.
inline constexpr std::size_t kCollectionLineSizeBytesMax = std::size_t{512} << 20;

struct ExportRequest {
  CollectionTarget collection;
  std::string output;   // appears whole or not at all
  std::string vectors;  // a .npy file for the vectors; empty = in the lines
  std::string filter;
  ProgressSink on_progress;
};
struct ExportResponse {
  std::uint64_t item_count = 0;
  std::size_t dim = 0;
};
// The state as of the call; memory is one item.
Result<ExportResponse> export_collection(const ExportRequest& request);

struct ImportRequest {
  CollectionTarget collection;  // made with the file's settings where it is not there
  std::string input;
  std::string vectors;  // instead of the file that the first line names
  bool build_index = true;
  ProgressSink on_progress;
};
struct ImportResponse {
  AddSummary summary;
  CollectionStatus status;
};
// In batches, each durable. kCorrupt names the line that is none of an item; those before it stay. kMismatch for a
// collection of another dim, metric or model.
Result<ImportResponse> import_collection(const ImportRequest& request);

}  // namespace asterism::service
