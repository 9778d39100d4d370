// Collections by the kind of their location: the same calls over each.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "asterism/collection.hpp"
#include "contract/milvus_for_tests.hpp"
#include "contract/pglite_process.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void use(const std::string& location, std::string_view backend) {
  auto created = Collection::create(location, {.dim = 2, .columns = {"n"}});
  ASSERT_TRUE(created) << created.error().to_string();
  EXPECT_FALSE(Collection::create(location, {.dim = 2}));
  std::vector<Item> items(3);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].id = std::to_string(i);
    items[i].metadata = fmt::format(R"({{"n":{}}})", i);
    items[i].vector = {1.0F, static_cast<float>(i)};
  }
  const auto added = created->add(items);
  ASSERT_TRUE(added) << added.error().to_string();
  EXPECT_EQ(added->added_count, 3U);
  const auto found = created->search({.like = {query_vector({1.0F, 0.0F})}, .k = 2, .filter = "n > 0"});
  ASSERT_TRUE(found) << found.error().to_string();
  std::vector<std::string> ids;
  for (const SearchHit& hit : found->hits) {
    ids.push_back(hit.item.id);
  }
  EXPECT_THAT(ids, ElementsAre("1", "2"));
  EXPECT_EQ(created->status()->backend, backend);
  created = std::unexpected(Error{});
  EXPECT_EQ(Collection::open(location, {.read_only = true})->count().value(), 3U);
  ASSERT_TRUE(Collection::drop(location));
  EXPECT_EQ(Collection::open(location, {}).error().code, ErrorCode::kNotFound);
}

TEST(CollectionLocation, folder) {
  const ScratchFolder folder("collection");
  use((folder.path() / "c").string(), "embedded");
}

TEST(CollectionLocation, postgresql) {
  const auto& server = postgres_for_tests();
  if (!server.missing.empty()) {
    GTEST_SKIP() << server.missing;
  }
  use(fmt::format("{}{}collection=location-{}", server.url, server.url.find('?') == std::string::npos ? "?" : "&",
                  ::getpid()),
      "postgresql");
}

TEST(CollectionLocation, milvus) {
#ifdef ASTERISM_WITH_MILVUS
  const auto& server = milvus_for_tests();
  if (!server.missing.empty()) {
    GTEST_SKIP() << server.missing;
  }
  use(fmt::format("{}?collection=location_{}", server.url, ::getpid()), "milvus");
#else
  const auto opened = Collection::open("milvus://localhost/db?collection=c", {});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().to_string(), HasSubstr("gRPC"));
#endif
}

}  // namespace
}  // namespace asterism
