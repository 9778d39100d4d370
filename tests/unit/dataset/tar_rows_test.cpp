#include "dataset/tar_rows.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/file.hpp"
#include "base/json.hpp"
#include "dataset/image_names.hpp"
#include "dataset/image_reader.hpp"
#include "dataset/tar_archive.hpp"
#include "temporary_folder.hpp"

namespace asterism {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kBlock = 512;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/tar" / name;
}

std::string golden_bytes(const std::string& name) {
  return read_file(golden(name), 1 << 20).value();
}

// A header block with a sound checksum.
std::string header(std::string_view name, std::string_view size_field, char type = '0') {
  std::string block(kBlock, '\0');
  std::memcpy(block.data(), name.data(), name.size());
  std::memcpy(block.data() + 124, size_field.data(), size_field.size());
  block[156] = type;
  std::memcpy(block.data() + 257, "ustar\00000", 8);
  std::memset(block.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  const std::string digits = fmt::format("{:06o}", sum);
  std::memcpy(block.data() + 148, digits.data(), digits.size());
  block[154] = '\0';
  return block;
}

std::string member(std::string_view name, std::string data, char type = '0') {
  const std::string size = fmt::format("{:011o}", data.size());
  data.resize((data.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return header(name, size, type) + data;
}

std::string end() {
  return std::string(2 * kBlock, '\0');
}

std::vector<Row> rows_of(const std::string& bytes, std::size_t chunk = 65536, std::size_t size_bytes_max = 1 << 20) {
  auto reader =
      make_tar_rows(make_memory_source(bytes, chunk), "t.tar", bytes.size(), {.row_size_bytes_max = size_bytes_max});
  std::vector<Row> rows;
  for (Row row; reader->next(row).value();) {
    rows.push_back(row);
  }
  return rows;
}

std::string only_error(const std::string& bytes) {
  const auto rows = rows_of(bytes);
  if (rows.empty() || !rows.back().error) {
    return "no error";
  }
  EXPECT_EQ(rows.back().error->message.find("t.tar: byte "), 0U) << rows.back().error->message;
  return rows.back().error->message;
}

TEST(TarRows, archives_of_pythons_tarfile_give_their_images) {
  const auto members = parse_json(golden_bytes("members.json"), "members.json");
  ASSERT_TRUE(members);
  for (const char* name : {"ustar.tar", "gnu.tar", "pax.tar", "pax.tar.gz"}) {
    auto info = inspect_input(golden(name).string());
    auto reader = open_tar_rows(*info, {.row_size_bytes_max = 1 << 20});
    ASSERT_TRUE(reader) << reader.error().to_string();
    for (const Json& listed : *members) {
      const auto path = listed["name"].get<std::string>();
      if (!has_image_extension(path)) {
        continue;
      }
      Row row;
      ASSERT_TRUE((*reader)->next(row).value()) << name;
      ASSERT_FALSE(row.error) << row.error->to_string();
      EXPECT_EQ(row.source, golden(name).string() + ":" + path);
      EXPECT_EQ(row.payload.bytes, listed["data"].get<std::string>());
    }
    Row row;
    EXPECT_FALSE((*reader)->next(row).value());
    EXPECT_EQ((*reader)->ignored_file_count(), 2U);
    EXPECT_DOUBLE_EQ((*reader)->done(), 1.0);
  }
}

TEST(TarRows, id_is_the_key_of_the_sample) {
  const auto rows = rows_of(member("a.b/000001.left.jpg", "L") + member("a.b/000001.right.jpg", "R") +
                            member("x.png", "X") + member(".png", "Y") + end());
  std::vector<std::string> ids;
  for (const Row& row : rows) {
    ids.push_back(row.id);
  }
  EXPECT_THAT(ids, ElementsAre("a.b/000001", "a.b/000001", "x", ""));
}

TEST(TarRows, rows_do_not_depend_on_the_cuts_of_reading_and_go_on_at_a_place) {
  for (const char* name : {"ustar.tar", "gnu.tar", "pax.tar"}) {
    const std::string bytes = golden_bytes(name);
    const auto whole = rows_of(bytes);
    for (const std::size_t chunk : {1U, 7U, 511U}) {
      const auto cut = rows_of(bytes, chunk);
      ASSERT_EQ(cut.size(), whole.size());
      for (std::size_t i = 0; i < cut.size(); ++i) {
        EXPECT_EQ(cut[i].source, whole[i].source);
        EXPECT_EQ(cut[i].payload.bytes, whole[i].payload.bytes);
      }
    }
  }
  auto info = inspect_input(golden("pax.tar.gz").string());
  std::vector<RecordPlace> places;
  std::vector<std::string> sources;
  auto first = open_tar_rows(*info, {.row_size_bytes_max = 1 << 20});
  for (Row row; (*first)->next(row).value();) {
    sources.push_back(row.source);
    places.push_back((*first)->place());
  }
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    for (const bool rewound : {false, true}) {
      auto reader = open_tar_rows(*info, {.row_size_bytes_max = 1 << 20});
      Row row;
      while (rewound && (*reader)->next(row).value()) {
      }
      ASSERT_TRUE((*reader)->seek(places[i]).value());
      ASSERT_TRUE((*reader)->next(row).value());
      EXPECT_EQ(row.source, sources[i + 1]);
    }
  }
}

TEST(TarRows, damage_is_one_failed_row_behind_what_is_sound) {
  const std::string sound = member("a.jpg", "A");
  const std::string second = member("b.jpg", std::string(2000, 'b'));
  EXPECT_THAT(only_error(sound + second.substr(0, 300)), HasSubstr("header of 512 bytes, found 300"));
  EXPECT_THAT(only_error(sound + second.substr(0, 900)), HasSubstr("member b.jpg: expected 2000 bytes"));
  std::string wrong = second;
  wrong[3] = 'X';
  EXPECT_THAT(only_error(sound + wrong), HasSubstr("checksum"));
  EXPECT_THAT(only_error(sound + std::string(kBlock, 'x')), HasSubstr("checksum"));
  EXPECT_THAT(only_error(header("a.jpg", "7777777777x")), HasSubstr("no possible number"));
  EXPECT_THAT(only_error(header("a.jpg", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")),
              HasSubstr("no possible number"));
  EXPECT_THAT(only_error(header("a.jpg", std::string("\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12))),
              HasSubstr("no possible number"));
  const auto rows = rows_of(sound + wrong);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].payload.bytes, "A");
  EXPECT_EQ(rows[1].source, "t.tar");
  // The same cut where the size of the archive is not known.
  auto unknown =
      make_tar_rows(make_memory_source(sound + second.substr(0, 900)), "t.tar", 0, {.row_size_bytes_max = 1 << 20});
  Row row;
  EXPECT_TRUE(unknown->next(row).value());
  EXPECT_TRUE(unknown->next(row).value());
  EXPECT_THAT(row.error->message, HasSubstr("found 388"));
  const RecordPlace behind = unknown->place();
  EXPECT_FALSE(unknown->next(row).value());
  auto again = make_tar_rows(make_memory_source(sound), "t.tar", 0, {.row_size_bytes_max = 1 << 20});
  EXPECT_TRUE(again->seek(behind).value());
  EXPECT_FALSE(again->next(row).value());
}

TEST(TarRows, binary_sizes_and_a_missing_end_are_read) {
  const std::string size("\x80\0\0\0\0\0\0\0\0\0\0\x02", 12);
  std::string data = "AB";
  data.resize(kBlock, '\0');
  const auto rows = rows_of(header("a.jpg", size) + data + member("b.jpg", "B"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].payload.bytes, "AB");
  EXPECT_EQ(rows[1].payload.bytes, "B");
  EXPECT_TRUE(rows_of("").empty());
}

TEST(TarRows, lying_extended_headers_are_errors) {
  const auto pax = [](const std::string& records) { return member("x", records, 'x') + member("a.jpg", "A") + end(); };
  EXPECT_EQ(rows_of(pax("14 path=b.png\n"))[0].source, "t.tar:b.png");
  for (const char* records : {"15 path=b.png\n", "13 path=b.png\n", "99999999999999999999 path=b\n", "x path=b\n",
                              "5 a=\n9", "7 noeq\n", "3 \n", "-8 a=b\n"}) {
    EXPECT_THAT(only_error(pax(records)), HasSubstr("LENGTH KEY=VALUE")) << records;
  }
  EXPECT_THAT(only_error(pax("11 size=1x\n")), HasSubstr("a number as size"));
  EXPECT_THAT(only_error(pax("20 size=99999999999\n")), HasSubstr("expected 99999999999 bytes"));
  EXPECT_THAT(only_error(member("g", "14 path=b.png\n", 'g') + member("a.jpg", "A")), HasSubstr("global"));
  EXPECT_EQ(rows_of(member("g", "11 uid=100\n", 'g') + member("a.jpg", "A")).front().source, "t.tar:a.jpg");
  const auto huge = rows_of(member("x", std::string(kTarExtensionSizeBytesMax + 1, ' '), 'x'));
  EXPECT_EQ(huge.front().error->code, ErrorCode::kLimitExceeded);
}

TEST(TarRows, sparse_members_are_refused_by_name) {
  const auto pax = rows_of(member("x", "22 GNU.sparse.major=1\n28 GNU.sparse.name=real.jpg\n", 'x') +
                           member("GNUSparseFile.0/a.jpg", "A") + member("b.jpg", "B") + end());
  ASSERT_EQ(pax.size(), 2U);
  EXPECT_THAT(pax[0].error->to_string(), AllOf(HasSubstr("t.tar:real.jpg"), HasSubstr("sparse")));
  EXPECT_EQ(pax[1].payload.bytes, "B");
  const auto old = rows_of(member("s.jpg", "S", 'S') + end());
  EXPECT_THAT(old.front().error->message, AllOf(HasSubstr("s.jpg"), HasSubstr("sparse")));
}

TEST(TarRows, member_past_the_size_limit_costs_its_row) {
  const auto rows = rows_of(member("a.jpg", "12345") + member("b.jpg", "1234") + end(), 65536, 4);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(rows[1].payload.bytes, "1234");
}

class TarInputs : public FolderTest {};

TEST_F(TarInputs, shards_follow_one_another_and_a_damaged_one_costs_a_row) {
  write("s/0.tar", member("a.jpg", "A") + end());
  write("s/1.tar", member("b.jpg", "B") + "damage");
  write("s/2.tar", member("c.jpg", "C") + end());
  auto reader = open_image_reader({.inputs = {at("s/*.tar")}});
  ASSERT_TRUE(reader) << reader.error().to_string();
  EXPECT_EQ((*reader)->inputs().size(), 3U);
  EXPECT_THAT(read_all(**reader),
              ElementsAre("s/0.tar:a.jpg=A", "s/1.tar:b.jpg=B", StartsWith("s/1.tar! "), "s/2.tar:c.jpg=C"));
  EXPECT_EQ(open_image_reader({.inputs = {at("s/x*.tar")}}).error().code, ErrorCode::kNotFound);
}

TEST_F(TarInputs, other_packings_are_refused_by_name) {
  const auto named = open_image_reader({.inputs = {write("a.tar.zst", "\x28\xB5\x2F\xFD")}});
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().to_string(), AllOf(HasSubstr("a.tar.zst"), HasSubstr("zstd -d")));
  for (const auto& [bytes, name] :
       {std::pair{std::string("\x28\xB5\x2F\xFD"), "zstd"}, std::pair{std::string("BZh9"), "bzip2"},
        std::pair{std::string("\xFD"
                              "7zXZ\0",
                              6),
                  "xz"}}) {
    auto reader = open_image_reader({.inputs = {write("b.tar", bytes)}});
    EXPECT_THAT(read_all(**reader), ElementsAre(AllOf(StartsWith("b.tar! "), HasSubstr(name))));
  }
}

TEST_F(TarInputs, damaged_gzip_data_is_an_error) {
  const std::string packed = golden_bytes("pax.tar.gz");
  auto reader = open_image_reader({.inputs = {write("a.tgz", packed.substr(0, packed.size() / 2))}});
  EXPECT_THAT(read_all(**reader).back(), AllOf(StartsWith("a.tgz! "), HasSubstr("cut short")));
  std::string flipped = packed;
  flipped[packed.size() / 2] = static_cast<char>(flipped[packed.size() / 2] ^ 0x55);
  auto damaged = open_image_reader({.inputs = {write("b.tgz", flipped)}});
  EXPECT_THAT(read_all(**damaged).back(), StartsWith("b.tgz! "));
}

}  // namespace
}  // namespace asterism
