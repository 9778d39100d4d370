#include "postgres/postgres_store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "contract/pglite_process.hpp"
#include "contract/vector_store_contract.hpp"

namespace asterism {
namespace {

StoreLocation location_of(std::string_view name) {
  const std::string& url = postgres_for_tests().url;
  return *parse_location(
      fmt::format("{}{}collection={}", url, url.find('?') == std::string::npos ? "?" : "&", name));
}

// A name that no other test has, also not in another run against the same server.
StoreLocation new_location() {
  static int count = 0;
  return location_of(fmt::format("test '\"{}-{}\"; DROP", ::getpid(), ++count));
}

StoreMaker::Made make_store(const CollectionSettings& settings) {
  const StoreLocation location = new_location();
  auto store = PostgresStore::create(location, settings);
  EXPECT_TRUE(store) << (store ? "" : store.error().to_string());
  std::shared_ptr<void> owner(nullptr, [location](void*) {
    const auto dropped = PostgresStore::drop(location);
    EXPECT_TRUE(dropped) << (dropped ? "" : dropped.error().to_string());
  });
  return {store ? std::move(*store) : nullptr, owner};
}

StoreMaker postgres(VectorType type) {
  StoreMaker maker;
  maker.name = vector_type_name(type);
  maker.make = [type](const CollectionSettings& settings) {
    auto typed = settings;
    typed.vector_type = type;
    return make_store(typed);
  };
  maker.missing = [] { return postgres_for_tests().missing; };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(Postgres, VectorStoreContract, testing::Values(postgres(VectorType::kF32)),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace asterism
