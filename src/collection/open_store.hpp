// The store that a location names: the one place that knows all of them.
//
// Thread-safety: free functions. Cost: that of the store's own function.
#pragma once

#include <memory>

#include "store/vector_store.hpp"

namespace asterism {

// kInvalidArgument for settings that cannot be, or when there is a collection already.
Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings);
// kNotFound where there is none.
Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options);
Result<void> drop_store(const StoreLocation& location);

}  // namespace asterism
