// Milvus for tests: the server that ASTERISM_TEST_MILVUS_URL names (milvus://host:port/database), else milvus-lite as
// tools/setup/milvus_lite.sh installs it, started by the first test that asks and ended with the process.
#pragma once

#include <string>

namespace asterism {

struct MilvusForTests {
  std::string url;      // milvus://..., without a collection; empty where there is no server
  std::string missing;  // why there is none
};

// The one of this process. Not thread-safe.
const MilvusForTests& milvus_for_tests();

}  // namespace asterism
