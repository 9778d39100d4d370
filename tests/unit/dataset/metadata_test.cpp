#include "dataset/metadata.hpp"

#include <gmock/gmock.h>

#include "dataset/image_reader.hpp"
#include "reading.hpp"
#include "temporary_folder.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> metadata_of(TextFormat format, const std::string& text, MetadataColumns columns,
                                     std::string column = {}) {
  std::vector<std::string> found;
  const auto rows = read_rows(format, text, {.column = std::move(column), .metadata = std::move(columns)});
  if (!rows) {
    return {"<" + rows.error().message + ">"};
  }
  for (const Row& row : *rows) {
    found.push_back(row.error ? "<" + row.error->message + ">" + row.metadata : row.metadata);
  }
  return found;
}

const MetadataColumns kAll{.all = true};

TEST(Metadata, nothing_is_kept_unless_asked_for) {
  EXPECT_THAT(metadata_of(TextFormat::kCsv, "text,n\na,1\n", {}), ElementsAre("{}"));
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"text\":\"a\",\"n\":1}\n", {}), ElementsAre("{}"));
  EXPECT_THAT(metadata_of(TextFormat::kLines, "a\n", kAll), ElementsAre("{}"));
}

TEST(Metadata, cells_of_csv_become_numbers_booleans_and_texts) {
  EXPECT_THAT(
      metadata_of(TextFormat::kCsv,
                  "id,text,n,zip,ok,note,rate\n"
                  "1,a,12,007,true,\"say \"\"hi\"\"\",1.50\n"
                  "2,b,,,false,,-2e3\n"
                  "3,c,+1,1e999,True,null,.5\n",
                  kAll),
      ElementsAre(R"({"n":12,"zip":"007","ok":true,"note":"say \"hi\"","rate":1.50})", R"({"ok":false,"rate":-2e3})",
                  R"({"n":"+1","zip":"1e999","ok":"True","note":"null","rate":".5"})"));
}

TEST(Metadata, numbers_that_would_lose_digits_stay_texts) {
  for (const char* number :
       {"0", "-0", "10", "-7", "0.5", "1E5", "1.25e-3", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_TRUE(is_kept_number(number)) << number;
  }
  for (const char* text : {"", "-", "00", "01", "1.", ".1", "1e", "1e+", "0x10", "1 ", " 1", "1,5", "NaN", "Infinity",
                           "9223372036854775808", "123456789012345678901234567890", "1e400", "--1", "1e5e5"}) {
    EXPECT_FALSE(is_kept_number(text)) << text;
  }
}

TEST(Metadata, columns_of_csv_by_name) {
  EXPECT_THAT(metadata_of(TextFormat::kCsv, "id,text,a,b\n1,x,2,3\n", {.names = {"b", "id", "b"}}),
              ElementsAre(R"({"b":3,"id":1})"));
  EXPECT_THAT(metadata_of(TextFormat::kCsv, "text,price\nx,2\n", {.names = {"prize"}}),
              ElementsAre(HasSubstr("expected the column \"prize\", found \"text\", \"price\"")));
  EXPECT_THAT(metadata_of(TextFormat::kCsv, "text,a,a\nx,2,3\n", kAll),
              ElementsAre(HasSubstr("expected the column \"a\" once, found it 2 times")));
  // A column without a name, as an index that pandas wrote, cannot be asked for.
  EXPECT_THAT(metadata_of(TextFormat::kCsv, ",text,a\n0,x,2\n", kAll), ElementsAre(R"({"a":2})"));
}

TEST(Metadata, jsonl_keeps_types_and_nesting) {
  EXPECT_THAT(
      metadata_of(TextFormat::kJsonl,
                  R"({"id":7,"text":"a","n":1.0,"maker":{"name":"x","country":"NZ"},"tags":["p",null],"no":null})"
                  "\n",
                  kAll),
      ElementsAre(R"({"n":1.0,"maker":{"name":"x","country":"NZ"},"tags":["p",null],"no":null})"));
  // An id that is none stays.
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"id\":[1],\"text\":\"a\"}\n", kAll), ElementsAre(R"({"id":[1]})"));
}

TEST(Metadata, text_inside_an_object_is_left_out_of_it) {
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"doc\":{\"body\":\"a\",\"lang\":\"en\"},\"n\":1}\n", kAll, "doc.body"),
              ElementsAre(R"({"doc":{"lang":"en"},"n":1})"));
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"doc\":{\"body\":\"a\"},\"n\":1}\n", kAll, "doc.body"),
              ElementsAre(R"({"n":1})"));
  // The key as it stands comes first, and is then the only text.
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"d.b\":\"a\",\"d\":{\"b\":\"kept\"}}\n", kAll, "d.b"),
              ElementsAre(R"({"d":{"b":"kept"}})"));
}

TEST(Metadata, keys_of_jsonl_by_name_keep_their_place) {
  const std::string line = "{\"text\":\"a\",\"m\":{\"x\":1,\"y\":{\"z\":2},\"w\":3},\"n\":4,\"k\":5}\n";
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, line, {.names = {"m.y.z", "n", "m.x"}}),
              ElementsAre(R"({"m":{"x":1,"y":{"z":2}},"n":4})"));
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, line, {.names = {"m", "none", "n.deeper"}}),
              ElementsAre(R"({"m":{"x":1,"y":{"z":2},"w":3}})"));
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, line, {.names = {"none"}}), ElementsAre("{}"));
}

TEST(Metadata, row_that_fails_keeps_nothing) {
  EXPECT_THAT(metadata_of(TextFormat::kJsonl, "{\"n\":1}\n", kAll), ElementsAre(testing::EndsWith(">{}")));
  EXPECT_THAT(metadata_of(TextFormat::kCsv, "text,n\na\n", kAll), ElementsAre(testing::EndsWith(">{}")));
}

class MetadataOfFiles : public FolderTest {};

TEST_F(MetadataOfFiles, tables_of_images_keep_theirs) {
  write("a.jpg", "A");
  write("b.jpg", "B");
  const std::string table = write("t.csv", "id,path,label\nx,a.jpg,cat\n,b.jpg,\n");
  auto reader = open_image_reader({.inputs = {table}, .metadata = {.all = true}});
  ASSERT_TRUE(reader) << reader.error().to_string();
  std::vector<std::string> found;
  for (;;) {
    auto row = (*reader)->next();
    ASSERT_TRUE(row && (!*row || !(*row)->error));
    if (!*row) {
      break;
    }
    found.push_back((*row)->id + (*row)->payload.bytes + (*row)->metadata);
  }
  EXPECT_THAT(found, ElementsAre(R"(xA{"label":"cat"})", "B{}"));
}

}  // namespace
}  // namespace asterism
