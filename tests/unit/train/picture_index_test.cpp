#include "train/picture_index.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "picture_files.hpp"
#include "train/picture_copies.hpp"
#include "train/picture_digests.hpp"
#include "train/picture_store.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kModel = R"(
[model]
architecture = "lenet"
[objective]
kind = "supervised"
)";

std::string data(const std::string& keys) {
  return fmt::format("[data]\n{}\n{}", keys, kModel);
}

std::map<std::string, std::string> labels_by_name(const PictureIndex& index, const std::filesystem::path& root) {
  std::map<std::string, std::string> labels;
  for (const PictureRow& row : index.rows) {
    labels[std::filesystem::path(row.name).lexically_relative(root).generic_string()] =
        row.label < 0 ? "-" : index.class_names[static_cast<std::size_t>(row.label)];
  }
  return labels;
}

std::map<std::string, Split> splits_by_name(const PictureIndex& index) {
  std::map<std::string, Split> splits;
  for (const PictureRow& row : index.rows) {
    splits[std::filesystem::path(row.name).filename().string()] = row.split;
  }
  return splits;
}

TEST(PictureIndex, folders_give_labels_and_files_beside_them_have_none) {
  const PictureFiles files;
  files.add_picture("set/cat/1.bmp", 1);
  files.add_picture("set/cat/deeper/2.bmp", 2);
  files.add_picture("set/dog/3.bmp", 3);
  files.add_picture("set/4.bmp", 4);
  files.write("set/cat/notes.txt", "no picture");
  const auto index = read_picture_index(files.recipe(data("inputs = [\"set\"]"))).value();
  EXPECT_THAT(index.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(
      labels_by_name(index, files.root()),
      (std::map<std::string, std::string>{
          {"set/4.bmp", "-"}, {"set/cat/1.bmp", "cat"}, {"set/cat/deeper/2.bmp", "cat"}, {"set/dog/3.bmp", "dog"}}));
}

TEST(PictureIndex, tables_name_files_labels_and_groups_and_missing_files_are_counted) {
  const PictureFiles files;
  files.add_picture("shop/images/7.bmp", 7);
  files.add_picture("shop/images/8.bmp", 8);
  files.write("shop/table.csv", "id,image,kind,maker\n7,7.bmp,shoe,a\n8,8.bmp,,a\n9,9.bmp,hat,b\n");
  const auto index = read_picture_index(files.recipe(data(R"(
inputs = ["shop/table.csv"]
image_column = "image"
image_folder = "images"
label_column = "kind"
group_column = "maker")")));
  ASSERT_TRUE(index) << index.error().to_string();
  EXPECT_EQ(labels_by_name(*index, files.root()),
            (std::map<std::string, std::string>{{"shop/images/7.bmp", "shoe"}, {"shop/images/8.bmp", "-"}}));
  EXPECT_EQ(index->rows[0].split, index->rows[1].split) << "one group, one split";
  EXPECT_EQ(index->missing_count, 1);
  EXPECT_THAT(index->missing, ElementsAre(HasSubstr("9.bmp")));
}

TEST(PictureIndex, mistakes_are_named) {
  const PictureFiles files;
  files.add_picture("set/1.bmp", 1);
  files.write("table.csv", "path,kind\nnone.bmp,shoe\n");
  files.write("labels.txt", "1\n2\n3\n");
  const auto message = [&](const std::string& keys) {
    const auto index = read_picture_index(files.recipe(data(keys)));
    return index ? std::string("no error") : index.error().to_string();
  };
  EXPECT_THAT(message("inputs = [\"absent\"]"), HasSubstr("absent: no such file or folder"));
  EXPECT_THAT(message("inputs = [\"table.csv\"]\nlabel_column = \"sort\""),
              HasSubstr("\"sort\", found \"path\", \"kind\""));
  EXPECT_THAT(message("inputs = [\"table.csv\"]"), HasSubstr("none of the 1 files"));
  EXPECT_THAT(message("inputs = [\"labels.txt\"]"), testing::Not(HasSubstr("no error")));
  files.write("empty/readme", "nothing");
  EXPECT_THAT(message("inputs = [\"empty\"]"), HasSubstr("found no pictures"));
  files.write("flat.npy", std::string("\x93NUMPY\x01\x00\x3d\x00", 10) +
                              "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 0, 8)}\n");
  EXPECT_THAT(message("inputs = [\"flat.npy\"]"), HasSubstr("flat.npy: expected pictures of at least one pixel"));
  files.add_picture("sheet.bmp", 0, {20, 10});
  EXPECT_THAT(message("inputs = [\"sheet.bmp\"]\ntile_size = 8"), HasSubstr("multiples of tile_size 8, found 20 x 10"));
  EXPECT_THAT(message("inputs = [\"sheet.bmp\"]\ntile_size = 10\nlabels_file = \"labels.txt\""),
              HasSubstr("each of 2 pictures, found 3"));
}

TEST(PictureIndex, tiles_of_a_sheet_are_rows_in_order) {
  const PictureFiles files;
  files.add_picture("sheet.bmp", 0, {20, 10});
  files.write("labels.txt", "left\nright\n");
  const auto index =
      read_picture_index(files.recipe(data("inputs = [\"sheet.bmp\"]\ntile_size = 10\nlabels_file = \"labels.txt\"")))
          .value();
  ASSERT_EQ(index.rows.size(), 2U);
  EXPECT_THAT(index.class_names, ElementsAre("left", "right"));
  EXPECT_EQ(index.rows[1].label, 1);
  const PictureStore store(index, 0);
  const Image sheet = store.index().sheets[0].sprite;
  const Image right = *store.read(1).value();
  EXPECT_EQ(right.width, 10);
  EXPECT_TRUE(std::equal(right.pixels.begin(), right.pixels.begin() + 30, sheet.pixels.begin() + 30));
}

TEST(PictureIndex, rows_stay_in_their_split_when_others_come) {
  const PictureFiles files;
  for (int i = 0; i < 60; ++i) {
    files.add_picture(fmt::format("set/b{}.bmp", i), i);
  }
  const std::string keys = "inputs = [\"set\"]\nvalidation_share = 0.3\ntest_share = 0.3";
  const auto before = splits_by_name(read_picture_index(files.recipe(data(keys))).value());
  std::set<Split> seen;
  for (int i = 0; i < 60; ++i) {
    files.add_picture(fmt::format("set/a{}.bmp", i), i);
  }
  const auto after = splits_by_name(read_picture_index(files.recipe(data(keys))).value());
  for (const auto& [name, split] : before) {
    EXPECT_EQ(after.at(name), split) << name;
    seen.insert(split);
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST(PictureIndex, the_rows_kept_of_many_stay_when_others_come) {
  const PictureFiles files;
  const auto kept = [&](int rows_max) {
    std::set<std::string> names;
    const auto index =
        read_picture_index(files.recipe(data(fmt::format("inputs = [\"set\"]\nrows_max = {}", rows_max))));
    for (const PictureRow& row : index->rows) {
      names.insert(row.name);
    }
    return names;
  };
  for (int i = 0; i < 40; ++i) {
    files.add_picture(fmt::format("set/{}.bmp", i), i);
  }
  const auto ten = kept(10);
  const auto twenty = kept(20);
  EXPECT_EQ(ten.size(), 10U);
  EXPECT_TRUE(std::ranges::includes(twenty, ten));
}

TEST(PictureCopies, the_copy_of_a_held_out_picture_is_not_learnt_from) {
  const PictureFiles files;
  constexpr int kCount = 40;
  for (int i = 0; i < kCount; ++i) {
    files.add_picture(fmt::format("set/{}.bmp", i), i % (kCount / 2));
  }
  auto index =
      read_picture_index(files.recipe(data("inputs = [\"set\"]\nvalidation_share = 0.25\ntest_share = 0.25"))).value();
  const auto number = [&](std::int64_t row) {
    const std::string stem = std::filesystem::path(index.rows[static_cast<std::size_t>(row)].name).stem().string();
    return std::stoi(stem) % (kCount / 2);
  };
  const auto copies = copies_across_splits(index);
  ASSERT_FALSE(copies.empty());
  std::set<std::int64_t> left_out;
  for (const PictureCopy& copy : copies) {
    EXPECT_EQ(number(copy.row), number(copy.original));
    const Split of_copy = index.rows[static_cast<std::size_t>(copy.row)].split;
    const Split of_original = index.rows[static_cast<std::size_t>(copy.original)].split;
    EXPECT_LT(static_cast<int>(of_copy), static_cast<int>(of_original)) << "test keeps, then validation, then train";
    left_out.insert(copy.row);
  }
  std::map<int, std::set<Split>> splits;
  for (std::int64_t row = 0; row < kCount; ++row) {
    if (!left_out.contains(row)) {
      splits[number(row)].insert(index.rows[static_cast<std::size_t>(row)].split);
    }
  }
  EXPECT_EQ(splits.size(), static_cast<std::size_t>(kCount / 2)) << "each picture is still there";
  for (const auto& [picture, of_picture] : splits) {
    EXPECT_EQ(of_picture.size(), 1U) << picture;
  }
}

TEST(PictureDigests, what_changed_in_the_data_is_told_apart) {
  const PictureFiles files;
  for (int i = 0; i < 8; ++i) {
    files.add_picture(fmt::format("set/cat/{}.bmp", i), i);
  }
  const auto digests = [&](const std::string& more = {}) {
    const auto index = read_picture_index(files.recipe(data("inputs = [\"set\"]\n" + more)));
    return digests_of(index.value(), files.root());
  };
  const auto changed = [before = digests()](const std::map<std::string, std::string>& now) {
    std::string names;
    for (const auto& [part, digest] : now) {
      names += digest == before.at(part) ? "" : part + " ";
    }
    return names;
  };
  EXPECT_EQ(changed(digests()), "");
  EXPECT_EQ(changed(digests("test_share = 0.6")), "splits ");
  EXPECT_EQ(changed(digests("label_pattern = \"{}\"")), "labels ");
  files.add_picture("set/cat/7.bmp", 7, {13, 10});
  EXPECT_EQ(changed(digests()), "sizes ");
  std::filesystem::rename(files.root() / "set/cat/7.bmp", files.root() / "set/cat/8.bmp");
  EXPECT_THAT(changed(digests()), HasSubstr("names sizes"));
}

TEST(PictureStore, a_broken_file_is_tried_once_and_named) {
  const PictureFiles files;
  files.add_picture("set/1.bmp", 1);
  files.write("set/2.bmp", "BM, and then nothing of a picture");
  const auto index = read_picture_index(files.recipe(data("inputs = [\"set\"]"))).value();
  const PictureStore store(index, 1'000'000);
  EXPECT_TRUE(store.read(0));
  EXPECT_EQ(*store.read(0), *store.read(0)) << "decoded once, then shared";
  ASSERT_FALSE(store.read(1));
  files.add_picture("set/2.bmp", 2);
  EXPECT_FALSE(store.read(1));
  EXPECT_THAT(store.broken().at(1).message, HasSubstr("2.bmp"));
}

}  // namespace
}  // namespace asterism
