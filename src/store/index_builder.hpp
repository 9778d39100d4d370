// Making the index files of a collection's moment.
//
// Thread-safety: builds exclude each other by the lock file, between processes too; searching goes on meanwhile over
// what there was. Cost: a full build reads every vector once and builds the graph on all threads; when little has
// changed, unchanged rows are copied from the files before and the graph takes the changes only.
#pragma once

#include <filesystem>
#include <optional>

#include "asterism/cancel.hpp"
#include "asterism/collection.hpp"
#include "asterism/error.hpp"
#include "store/index_files.hpp"
#include "store/item_table.hpp"

namespace asterism {

class ThreadPool;

struct IndexBuildOptions {
  ThreadPool* pool = nullptr;          // borrowed; null = the calling thread alone
  const CancelFlag* cancel = nullptr;  // borrowed; kCancelled, and the files stay as they were
  ProgressSink progress = {};
  bool from_scratch = false;  // takes nothing over from the files before
};

// Nothing where another process is building already, or where there is nothing to index. What the files hold is the
// state at the beginning of the call.
Result<std::optional<IndexNames>> build_index_files(ItemReader& reader, const std::filesystem::path& folder,
                                                    const CollectionSettings& settings,
                                                    const IndexBuildOptions& options);

}  // namespace asterism
