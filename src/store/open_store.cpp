// The store that a location names.
#include "store/embedded_store.hpp"
#include "store/store_module.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

Result<const StoreModule*> module_of(const StoreLocation& location) {
  return load_store_module(location.kind == StoreLocation::Kind::kMilvus ? "milvus" : "postgres");
}

}  // namespace

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::create(location.address, settings);
  }
  const auto module = module_of(location);
  return module ? (*module)->create(location, settings) : std::unexpected(module.error());
}

Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::open(location.address, options);
  }
  const auto module = module_of(location);
  return module ? (*module)->open(location, options) : std::unexpected(module.error());
}

Result<void> drop_store(const StoreLocation& location) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::drop(location.address);
  }
  const auto module = module_of(location);
  return module ? (*module)->drop(location) : std::unexpected(module.error());
}

}  // namespace asterism
