// PostgreSQL for tests: the server that ASTERISM_TEST_POSTGRES_URL names, else PGlite (pglite_server.mjs) under node,
// started by the first test that asks and ended with the process.
#pragma once

#include <string>

namespace asterism {

struct PostgresForTests {
  std::string url;      // postgresql://..., without a collection; empty where there is no server
  std::string missing;  // why there is none
};

// The one of this process, with the extension. Not thread-safe.
const PostgresForTests& postgres_for_tests();

}  // namespace asterism
