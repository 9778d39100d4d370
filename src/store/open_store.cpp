// The store that a location names.
#include <fmt/format.h>

#include "store/embedded_store.hpp"
#include "store/store_module.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

std::unexpected<Error> no_postgres(const StoreLocation& location) {
  return fail(ErrorCode::kUnsupported, fmt::format("collection '{}': PostgreSQL is not spoken yet", location.text),
              "keep the collection in a folder or in Milvus");
}

}  // namespace

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::create(location.address, settings);
    case StoreLocation::Kind::kMilvus: {
      const auto module = load_store_module("milvus");
      return module ? (*module)->create(location, settings) : std::unexpected(module.error());
    }
    case StoreLocation::Kind::kPostgres:
      break;
  }
  return no_postgres(location);
}

Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::open(location.address, options);
    case StoreLocation::Kind::kMilvus: {
      const auto module = load_store_module("milvus");
      return module ? (*module)->open(location, options) : std::unexpected(module.error());
    }
    case StoreLocation::Kind::kPostgres:
      break;
  }
  return no_postgres(location);
}

Result<void> drop_store(const StoreLocation& location) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::drop(location.address);
    case StoreLocation::Kind::kMilvus: {
      const auto module = load_store_module("milvus");
      return module ? (*module)->drop(location) : std::unexpected(module.error());
    }
    case StoreLocation::Kind::kPostgres:
      break;
  }
  return no_postgres(location);
}

}  // namespace asterism
