// Stores that live in modules of their own (base/program_module.hpp), since what they bring along (gRPC, say) is for
// those who have a server. Internal to the program: open_store.cpp opens them, a module's module.cpp shows one.
#pragma once

#include <memory>
#include <string_view>

#include "store/vector_store.hpp"

namespace asterism {

class StoreModule {
 public:
  virtual ~StoreModule() = default;
  // As the functions of vector_store.hpp of those names, for locations of the module's kind.
  virtual Result<std::unique_ptr<VectorStore>> create(const StoreLocation& location,
                                                      const CollectionSettings& settings) const = 0;
  virtual Result<std::unique_ptr<VectorStore>> open(const StoreLocation& location,
                                                    const CollectionOpenOptions& options) const = 0;
  virtual Result<void> drop(const StoreLocation& location) const = 0;
};

// A module of one kind of store.
template <typename Store>
class StoreModuleOf final : public StoreModule {
 public:
  Result<std::unique_ptr<VectorStore>> create(const StoreLocation& location,
                                              const CollectionSettings& settings) const override {
    return Store::create(location, settings);
  }
  Result<std::unique_ptr<VectorStore>> open(const StoreLocation& location,
                                            const CollectionOpenOptions& options) const override {
    return Store::open(location, options);
  }
  Result<void> drop(const StoreLocation& location) const override { return Store::drop(location); }
};

// What a store's module shows beside its version: itself.
inline constexpr const char* kStoreModuleSymbol = "asterism_store_module";
using StoreModuleFunction = const StoreModule* (*)();

// `name`: "milvus", "postgres". The module stays loaded; asking again costs little. kNotFound says what to install.
Result<const StoreModule*> load_store_module(std::string_view name);

}  // namespace asterism
