// What libasterism_milvus.so shows (store/store_module.hpp).
#include "asterism/version.hpp"
#include "milvus/milvus_store.hpp"
#include "store/store_module.hpp"

extern "C" {

const char* asterism_backend_module_version();
const char* asterism_backend_module_version() {
  return asterism::kVersion.data();  // a literal: ends in a zero
}

const asterism::StoreModule* asterism_store_module();
const asterism::StoreModule* asterism_store_module() {
  static const asterism::StoreModuleOf<asterism::MilvusStore> module;
  return &module;
}

}  // extern "C"
