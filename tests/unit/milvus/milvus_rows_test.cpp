#include "milvus/milvus_rows.hpp"

#include <gmock/gmock.h>

#include "milvus/milvus_schema.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Item item(std::string id, std::string content, std::vector<float> vector) {
  Item made;
  made.id = std::move(id);
  made.kind = content.empty() ? ItemKind::kVector : ItemKind::kText;
  made.content = std::move(content);
  made.metadata = R"({"b": 1, "a": [true, null]})";
  made.vector = std::move(vector);
  return made;
}

MilvusColumns written(const std::vector<Item>& items) {
  std::vector<const Item*> pointers;
  for (const auto& one : items) {
    pointers.push_back(&one);
  }
  MilvusColumns columns;
  EXPECT_TRUE(write_milvus_rows(pointers, 5, 2, columns));
  return columns;
}

milvus_schema::FieldData& column(MilvusColumns& columns, std::string_view name) {
  return *std::ranges::find(columns, name, &milvus_schema::FieldData::field_name);
}

TEST(MilvusRows, items_come_back_as_they_were_written) {
  const std::vector<Item> items{item("a", "", {1, 2}), item("b ☃", "text", {3, 4}), item("c", "", {5, 6})};
  const auto rows = read_milvus_rows(written(items), nullptr, 2, "here");
  ASSERT_TRUE(rows) << rows.error().to_string();
  ASSERT_EQ(rows->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& row = (*rows)[i];
    EXPECT_EQ(row.slot, static_cast<std::int64_t>(5 + i));
    EXPECT_EQ(row.item.id, items[i].id);
    EXPECT_EQ(row.item.kind, items[i].kind);
    EXPECT_EQ(row.item.content, items[i].content);
    EXPECT_EQ(row.item.content_sha256, content_digest(items[i]));
    EXPECT_EQ(row.item.metadata, *plain_metadata(items[i]));
    EXPECT_EQ(row.item.vector, items[i].vector);
  }
}

// Milvus sends something for null rows too, milvus-lite and our own requests do not.
TEST(MilvusRows, nulls_are_read_with_and_without_a_value_in_their_place) {
  auto columns = written({item("a", "", {1, 2}), item("b", "text", {3, 4}), item("c", "", {5, 6})});
  auto& texts = *column(columns, kMilvusContent).mutable_scalars()->mutable_string_data();
  ASSERT_THAT(texts.data(), ElementsAre("text"));
  texts.clear_data();
  for (const auto* text : {"", "text", "not to be read"}) {
    texts.add_data(text);
  }
  const auto rows = read_milvus_rows(columns, nullptr, 2, "here");
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ((*rows)[1].item.content, "text");
  EXPECT_EQ((*rows)[2].item.content, "");
}

TEST(MilvusRows, columns_of_other_lengths_are_damage) {
  auto columns = written({item("a", "x", {1, 2}), item("b", "y", {3, 4})});
  auto fewer = columns;
  column(fewer, kMilvusKind).mutable_scalars()->mutable_string_data()->mutable_data()->RemoveLast();
  auto shorter = columns;
  column(shorter, kMilvusVector).mutable_vectors()->mutable_float_vector()->mutable_data()->RemoveLast();
  auto unknown = columns;
  column(unknown, kMilvusKind).mutable_scalars()->mutable_string_data()->set_data(0, "sound");
  for (const auto& damaged : {fewer, shorter, unknown}) {
    const auto rows = read_milvus_rows(damaged, nullptr, 2, "here");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(rows.error().message, HasSubstr("here"));
  }
  milvus_schema::IDs ids;
  ids.mutable_str_id()->add_data("a");
  EXPECT_EQ(read_milvus_rows(columns, &ids, 2, "here").error().code, ErrorCode::kCorrupt);
}

TEST(MilvusRows, limits_of_milvus_are_checked_before_anything_is_sent) {
  auto fits = item(std::string(1024, 'i'), std::string(kMilvusTextSizeBytesMax, 'x'), {1, 2});
  fits.metadata = R"({"a":")" + std::string(kMilvusMetadataSizeBytesMax - 8, 'x') + R"("})";
  EXPECT_TRUE(check_milvus_item(fits));
  auto longer = fits;
  longer.content += "x";
  EXPECT_EQ(check_milvus_item(longer).error().code, ErrorCode::kLimitExceeded);
  auto wider = fits;
  wider.metadata = R"({"a":")" + std::string(kMilvusMetadataSizeBytesMax - 7, 'x') + R"("})";
  EXPECT_EQ(check_milvus_item(wider).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(check_milvus_item(item("\xC3", "", {})).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(check_milvus_item(item("a", "\xC3", {})).error().message, HasSubstr("content"));
}

TEST(MilvusRows, lists_are_quoted_as_the_filters_are) {
  EXPECT_EQ(milvus_in("id", std::vector<std::string>{"a\"b", "c\\d"}), R"(id in ["a\"b", "c\\d"])");
}

TEST(MilvusSchema, settings_are_read_from_the_property_or_the_description) {
  CollectionSettings settings;
  settings.dim = 8;
  settings.metric = Metric::kDot;
  settings.model.id = "m";
  const auto request = milvus_create_request("name", settings);
  milvus::DescribeCollectionResponse description;
  description.mutable_schema()->ParseFromString(request.schema());
  EXPECT_EQ(*read_milvus_settings(description, "here"), settings);
  description.mutable_schema()->clear_description();
  EXPECT_EQ(read_milvus_settings(description, "here").error().code, ErrorCode::kMismatch);
  *description.mutable_properties() = request.properties();
  EXPECT_EQ(*read_milvus_settings(description, "here"), settings);
}

TEST(MilvusSchema, fields_that_contradict_the_settings_are_damage) {
  CollectionSettings settings;
  settings.dim = 8;
  milvus::DescribeCollectionResponse description;
  description.mutable_schema()->ParseFromString(milvus_create_request("name", settings).schema());
  auto other_dim = description;
  other_dim.mutable_schema()->mutable_fields()->rbegin()->mutable_type_params(0)->set_value("9");
  EXPECT_THAT(read_milvus_settings(other_dim, "here").error().message, HasSubstr("found 9"));
  auto without_slot = description;
  without_slot.mutable_schema()->mutable_fields()->DeleteSubrange(1, 1);
  EXPECT_THAT(read_milvus_settings(without_slot, "here").error().message, HasSubstr("'slot'"));
}

}  // namespace
}  // namespace asterism
