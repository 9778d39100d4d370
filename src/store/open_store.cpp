// The store that a location names: one row a kind of server, each in a module of its own.
#include <fmt/format.h>

#include "store/embedded_store.hpp"
#include "store/store_module.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

constexpr std::string_view module_name(StoreLocation::Kind kind) {
  switch (kind) {
    case StoreLocation::Kind::kMilvus:
      return "milvus";
    case StoreLocation::Kind::kPostgres:
      return "postgres";
    case StoreLocation::Kind::kFolder:
      break;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<VectorStore>> create_store(const StoreLocation& location, const CollectionSettings& settings) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::create(location.address, settings);
  }
  const auto module = load_store_module(module_name(location.kind));
  return module ? (*module)->create(location, settings) : std::unexpected(module.error());
}

Result<std::unique_ptr<VectorStore>> open_store(const StoreLocation& location, const CollectionOpenOptions& options) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::open(location.address, options);
  }
  const auto module = load_store_module(module_name(location.kind));
  return module ? (*module)->open(location, options) : std::unexpected(module.error());
}

Result<void> drop_store(const StoreLocation& location) {
  if (location.kind == StoreLocation::Kind::kFolder) {
    return EmbeddedStore::drop(location.address);
  }
  const auto module = load_store_module(module_name(location.kind));
  return module ? (*module)->drop(location) : std::unexpected(module.error());
}

}  // namespace asterism
