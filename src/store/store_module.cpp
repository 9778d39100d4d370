#include "store/store_module.hpp"

#include <fmt/format.h>

#include "base/program_module.hpp"

namespace asterism {
namespace {

std::string hint_for(std::string_view name) {
  if (name == "milvus") {
    return "collections in Milvus need gRPC, all others work without it: install it (Debian: libgrpc++-dev, "
           "libprotobuf-dev, protobuf-compiler and protobuf-compiler-grpc), and build Asterism again where it was "
           "built without";
  }
  return "it is installed with Asterism, in the folder of its libraries: install it again";
}

}  // namespace

Result<const StoreModule*> load_store_module(std::string_view name) {
  const auto library = open_program_module(name, hint_for(name));
  if (!library) {
    return std::unexpected(library.error());
  }
  const auto module = library->symbol<StoreModuleFunction>(kStoreModuleSymbol);
  if (!module) {
    return std::unexpected(module.error());
  }
  return (*module)();
}

}  // namespace asterism
