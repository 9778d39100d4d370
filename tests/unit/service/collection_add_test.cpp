#include "service/collection_add.hpp"

#include <gtest/gtest.h>

namespace asterism::service {
namespace {

Row row_of(PayloadKind kind, std::string source, std::uint64_t line, std::string id) {
  return {.source = std::move(source), .line = line, .id = std::move(id), .payload = {.kind = kind}};
}

TEST(ItemId, is_the_rows_own_or_its_place) {
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kText, "a.csv", 3, "x")), "x");
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kText, "a.txt", 3, "")), "a.txt:3");
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kImage, "p/a.jpg", 0, "")), "p/a.jpg");
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kImage, "p/a.jpg", 0, "x")), "x");
}

TEST(ItemId, of_an_archives_member_tells_two_archives_apart) {
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kImage, "s-1.tar:a/0.jpg", 0, "a/0")), "s-1.tar:a/0.jpg");
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kImage, "x:y/s.tar.gz:0.jpg", 0, "0")), "x:y/s.tar.gz:0.jpg");
  EXPECT_EQ(item_id_of(row_of(PayloadKind::kImage, "a:b.jpg", 0, "k")), "k");
}

TEST(ShownLocation, has_no_password) {
  EXPECT_EQ(shown_location("photos/"), "photos/");
  EXPECT_EQ(shown_location("postgresql://me:secret@host/db?collection=c").find("secret"), std::string::npos);
  EXPECT_EQ(shown_location("postgresql://me:secret@host/db").find("secret"), std::string::npos);  // names no collection
}

TEST(KeptModelId, names_what_is_meant_from_anywhere) {
  EXPECT_EQ(kept_model_id("builtin", PayloadKind::kText), "builtin");
  EXPECT_EQ(kept_model_id("builtin", PayloadKind::kImage), "builtin-image");
  EXPECT_EQ(kept_model_id("all-MiniLM-L6-v2", PayloadKind::kText), "all-MiniLM-L6-v2");
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(kept_model_id(".", PayloadKind::kText), here);
  EXPECT_EQ(kept_model_id(here + "/", PayloadKind::kText), here);
}

}  // namespace
}  // namespace asterism::service
