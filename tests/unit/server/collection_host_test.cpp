#include "server/collection_host.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

#include "scratch_folder.hpp"

namespace asterism::server {
namespace {

// A text's vector is its length and its first letter; what was asked for is counted.
class LetterEmbedder final : public CollectionEmbedder {
 public:
  Result<CollectionSettings> complete(CollectionSettings settings) override {
    settings.dim = 2;
    return settings;
  }
  Result<Embeddings> embed(const CollectionSettings& settings, Use use, ItemKind,
                           std::span<const std::string_view> contents) override {
    EXPECT_EQ(settings.model.id, "letters");
    (use == Use::kItems ? item_count : query_count) += contents.size();
    Embeddings out{.row_count = contents.size(), .dim = 2, .values = {}, .reports = {}};
    for (const std::string_view text : contents) {
      out.values.push_back(static_cast<float>(text.size()));
      out.values.push_back(text.empty() ? 0.0F : static_cast<float>(text[0]));
      out.reports.emplace_back();
    }
    return out;
  }

  std::size_t item_count = 0;
  std::size_t query_count = 0;
};

class CollectionHostTest : public testing::Test {
 protected:
  std::unique_ptr<CollectionHost> open() {
    auto host = CollectionHost::open({.folder = folder_.path(), .thread_count = 1}, embedder_);
    EXPECT_TRUE(host);
    return *std::move(host);
  }
  static CollectionSettings letters() { return {.metric = Metric::kEuclidean, .model = {.id = "letters"}}; }

  ScratchFolder folder_{"host"};
  std::shared_ptr<LetterEmbedder> embedder_ = std::make_shared<LetterEmbedder>();
};

TEST_F(CollectionHostTest, names_are_no_paths) {
  for (const std::string_view name : {"a", "A-9_z", "0"}) {
    EXPECT_TRUE(check_collection_name(name)) << name;
  }
  EXPECT_TRUE(check_collection_name(std::string(64, 'a')));
  for (const std::string_view name : {"", ".", "..", "a/b", "../a", "a.b", "a b", "\xC3\xA9", "a\n"}) {
    EXPECT_FALSE(check_collection_name(name)) << name;
  }
  EXPECT_FALSE(check_collection_name(std::string(65, 'a')));
  const auto host = open();
  EXPECT_EQ(host->get("../x").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(host->get("x").error().code, ErrorCode::kNotFound);
}

TEST_F(CollectionHostTest, embeds_through_what_it_was_given_and_opens_once) {
  const auto host = open();
  const auto made = host->create("notes", letters());
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->settings().dim, 2U);
  const std::vector<Item> items{{.id = "x", .kind = ItemKind::kText, .content = "aaa"},
                                {.id = "y", .kind = ItemKind::kText, .content = "z"},
                                {.id = "same", .kind = ItemKind::kText, .content = "z"}};
  ASSERT_TRUE((*made)->embed_and_add(items));
  EXPECT_EQ(embedder_->item_count, 2U) << "equal contents are embedded once";
  const auto again = host->get("notes");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *made);
  const auto found = (*again)->search({.like = {query_text("aab")}, .k = 1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->hits.at(0).item.id, "x");
  EXPECT_EQ(found->query, (std::vector<float>{3.0F, 97.0F}));
  EXPECT_EQ(embedder_->query_count, 1U);
  EXPECT_EQ(host->create("notes", letters()).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(host->names(), std::vector<std::string>{"notes"});
}

TEST_F(CollectionHostTest, finds_what_was_there_and_passes_over_what_is_none) {
  { ASSERT_TRUE(open()->create("notes", letters())); }
  std::filesystem::create_directory(folder_.path() / "empty");
  std::filesystem::create_directory(folder_.path() / ".jobs");
  const auto host = open();
  EXPECT_EQ(host->names(), std::vector<std::string>{"notes"});
  EXPECT_TRUE(host->get("notes"));
  EXPECT_EQ(host->get("empty").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(host->create("empty", letters()).error().code, ErrorCode::kMismatch);
}

TEST_F(CollectionHostTest, versions_are_looked_at_as_they_were) {
  const auto host = open();
  const auto notes = *host->create("notes", letters());
  const std::vector<Item> one{{.id = "x", .kind = ItemKind::kText, .content = "aaa"}};
  ASSERT_TRUE(notes->embed_and_add(one));
  ASSERT_TRUE(notes->create_version("monday"));
  ASSERT_TRUE(notes->erase(std::vector<std::string>{"x"}));
  EXPECT_EQ((*host->get_version("notes", "monday"))->count(), 1U);
  EXPECT_EQ((*host->get_version("notes", ""))->count(), 0U);
  EXPECT_EQ(host->get_version("notes", "friday").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(host->get_version("notes", "friday").error().message.find(folder_.path().string()), std::string::npos);
}

TEST_F(CollectionHostTest, dropping_waits_for_those_who_use_it) {
  const auto host = open();
  auto notes = *host->create("notes", letters());
  auto dropped = std::async(std::launch::async, [&] { return host->drop("notes"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(dropped.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_EQ(notes->count(), 0U);
  notes.reset();
  EXPECT_TRUE(dropped.get());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "notes"));
  EXPECT_EQ(host->get("notes").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(host->drop("notes").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(host->create("notes", letters())) << "the name is free again";
}

TEST_F(CollectionHostTest, while_another_writes_it_can_be_read_and_then_written) {
  { ASSERT_TRUE(open()->create("notes", letters())); }
  std::optional<Collection> other = *Collection::open((folder_.path() / "notes").string());
  const auto host = open();
  EXPECT_TRUE(host->get("notes"));
  EXPECT_EQ(host->get_writable("notes").error().code, ErrorCode::kUnavailable);
  other.reset();
  EXPECT_TRUE(host->get_writable("notes"));
}

TEST_F(CollectionHostTest, recall_of_searches_stands_in_the_metrics) {
  const auto host = open();
  const auto notes = *host->create("notes", letters());
  const std::vector<Item> one{{.id = "x", .kind = ItemKind::kText, .content = "aaa"}};
  ASSERT_TRUE(notes->embed_and_add(one));
  const auto found = notes->search({.like = {query_text("aab")}, .k = 1});
  ASSERT_TRUE(found);
  host->note_search("notes", *found, 1);
  for (int i = 0; i < 12000 &&
                  host->metrics_text().find("asterism_collection_recall{collection=\"notes\"} 1") == std::string::npos;
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(host->metrics_text().find("asterism_collection_recall{collection=\"notes\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace asterism::server
