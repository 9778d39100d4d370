// The store that a location names.
#include <fmt/format.h>

#include "store/embedded_store.hpp"
#include "store/vector_store.hpp"

namespace asterism {

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings) {
  return EmbeddedStore::create(location.address, settings);
}

Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options) {
  return EmbeddedStore::open(location.address, options);
}

Result<void> drop_store(const StoreLocation& location) {
  return EmbeddedStore::drop(location.address);
}

}  // namespace asterism
