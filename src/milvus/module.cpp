// What libasterism_milvus.so shows (store/store_module.hpp).
#include "asterism/version.hpp"
#include "milvus/milvus_store.hpp"
#include "store/store_module.hpp"

namespace asterism {
namespace {

class MilvusModule final : public StoreModule {
 public:
  Result<std::unique_ptr<VectorStore>> create(const StoreLocation& location,
                                              const CollectionSettings& settings) const override {
    return MilvusStore::create(location, settings);
  }
  Result<std::unique_ptr<VectorStore>> open(const StoreLocation& location,
                                            const CollectionOpenOptions& options) const override {
    return MilvusStore::open(location, options);
  }
  Result<void> drop(const StoreLocation& location) const override { return MilvusStore::drop(location); }
};

}  // namespace
}  // namespace asterism

extern "C" {

const char* asterism_backend_module_version();
const char* asterism_backend_module_version() {
  return asterism::kVersion.data();  // a literal: ends in a zero
}

const asterism::StoreModule* asterism_store_module();
const asterism::StoreModule* asterism_store_module() {
  static const asterism::MilvusModule module;
  return &module;
}

}  // extern "C"
