#include "collection/open_store.hpp"

#include <fmt/format.h>

#include <functional>

#include "postgres/postgres_store.hpp"
#include "store/embedded_store.hpp"

namespace asterism {
namespace {

std::unexpected<Error> no_milvus(const StoreLocation& location) {
  return fail(ErrorCode::kUnsupported, fmt::format("collection '{}': Milvus is not spoken yet", location.text),
              "keep the collection in a folder or in PostgreSQL");
}

}  // namespace

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::create(location.address, settings);
    case StoreLocation::Kind::kPostgres:
      return PostgresStore::create(location, settings);
    case StoreLocation::Kind::kMilvus:
      break;
  }
  return no_milvus(location);
}

Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::open(location.address, options);
    case StoreLocation::Kind::kPostgres:
      return PostgresStore::open(location, options);
    case StoreLocation::Kind::kMilvus:
      break;
  }
  return no_milvus(location);
}

Result<void> drop_store(const StoreLocation& location) {
  switch (location.kind) {
    case StoreLocation::Kind::kFolder:
      return EmbeddedStore::drop(location.address);
    case StoreLocation::Kind::kPostgres:
      return PostgresStore::drop(location);
    case StoreLocation::Kind::kMilvus:
      break;
  }
  return no_milvus(location);
}

}  // namespace asterism
