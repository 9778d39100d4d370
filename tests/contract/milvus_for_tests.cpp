#include "contract/milvus_for_tests.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "contract/server_process.hpp"

namespace asterism {
namespace {

MilvusForTests find() {
#ifndef ASTERISM_WITH_MILVUS
  return {.url = {}, .missing = "built without gRPC"};
#endif
  if (const char* url = std::getenv("ASTERISM_TEST_MILVUS_URL"); url != nullptr && *url != '\0') {
    return {.url = url, .missing = {}};
  }
  const std::filesystem::path source = ASTERISM_SOURCE_DIR;
  const char* told = std::getenv("ASTERISM_MILVUS_LITE");
  const auto folder = told != nullptr ? std::filesystem::path(told) : source / ".deps/milvus-lite";
  if (!std::filesystem::exists(folder / "bin/python")) {
    return {.url = {}, .missing = "milvus-lite is not there: tools/setup/milvus_lite.sh installs it"};
  }
  static ServerProcess server;
  const int port =
      server.start({(folder / "bin/python").string(), (source / "tests/contract/milvus_lite_server.py").string()});
  if (port == 0) {
    return {.url = {}, .missing = "milvus-lite did not start: tools/setup/milvus_lite.sh installs it anew"};
  }
  return {.url = fmt::format("milvus://127.0.0.1:{}/", port), .missing = {}};
}

}  // namespace

const MilvusForTests& milvus_for_tests() {
  static const MilvusForTests found = find();
  return found;
}

}  // namespace asterism
