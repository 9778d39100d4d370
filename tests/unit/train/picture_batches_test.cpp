#include "train/picture_batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "train/batches_ahead.hpp"

namespace asterism {
namespace {

constexpr std::int64_t kRowCount = 23;
constexpr std::int64_t kSide = 8;

// Pictures of an array, each of its own colour; four labels.
PictureIndex small_index() {
  Tensor array(DType::kU8, {kRowCount, kSide, kSide, 3});
  auto pixels = array.mutable_as<std::uint8_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(i / (kSide * kSide * 3) * 10 + i % 7);
  }
  PictureIndex index;
  index.sheets.push_back({.array = array, .sprite = {}, .tile_size = 0});
  index.class_names = {"a", "b", "c", "d"};
  for (std::int64_t i = 0; i < kRowCount; ++i) {
    index.rows.push_back({.name = "row", .sheet = 0, .position = i, .label = static_cast<std::int32_t>(i % 4)});
  }
  return index;
}

std::vector<std::int64_t> all_rows() {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < kRowCount; ++i) {
    rows.push_back(i);
  }
  return rows;
}

PictureBatchOptions options_of(std::int64_t batch_size) {
  PictureBatchOptions options;
  options.plan = {.height = kSide, .width = kSide, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
  options.batch_size = batch_size;
  options.seed = 3;
  return options;
}

const Tensor& feed(const Batch& batch, std::string_view name) {
  const auto found = std::ranges::find(batch.feeds, name, &Feed::name);
  EXPECT_NE(found, batch.feeds.end()) << name;
  return found->tensor;
}

void expect_equal(const Batch& a, const Batch& b) {
  ASSERT_EQ(a.rows, b.rows);
  ASSERT_EQ(a.feeds.size(), b.feeds.size());
  for (std::size_t i = 0; i < a.feeds.size(); ++i) {
    EXPECT_EQ(a.feeds[i].name, b.feeds[i].name);
    EXPECT_TRUE(std::ranges::equal(a.feeds[i].tensor.bytes(), b.feeds[i].tensor.bytes())) << a.feeds[i].name;
  }
}

class PictureBatchesTest : public testing::Test {
 protected:
  PictureIndex index_ = small_index();
  PictureStore store_{index_, 0};

  PictureBatches batches(const PictureBatchOptions& options) { return {store_, all_rows(), options}; }
};

TEST_F(PictureBatchesTest, an_epoch_has_each_row_once_at_most_in_another_order_each_time) {
  const PictureBatches source = batches(options_of(5));
  ASSERT_EQ(source.batch_count(), 4);
  std::array<std::vector<std::int64_t>, 2> orders;
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    for (std::int64_t i = 0; i < 4; ++i) {
      const auto batch = source.batch(epoch, i).value();
      std::ranges::copy(batch.rows, std::back_inserter(orders[static_cast<std::size_t>(epoch)]));
    }
    const std::set<std::int64_t> unique(orders[static_cast<std::size_t>(epoch)].begin(),
                                        orders[static_cast<std::size_t>(epoch)].end());
    EXPECT_EQ(unique.size(), 20U);
  }
  EXPECT_NE(orders[0], orders[1]);
}

TEST_F(PictureBatchesTest, a_fixed_order_gives_every_row_once_and_nothing_augmented) {
  PictureBatchOptions options = options_of(5);
  options.order = BatchOrder::kFixed;
  options.plain = true;
  const PictureBatches source = batches(options);
  ASSERT_EQ(source.batch_count(), 5);
  std::vector<std::int64_t> seen;
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto batch = source.batch(0, i).value();
    std::ranges::copy(batch.rows, std::back_inserter(seen));
    const auto pixels = feed(batch, kImageInput).as<float>();
    const auto image = store_.read(batch.rows[0]).value();
    EXPECT_NEAR(pixels[0], (static_cast<float>(image->pixels[0]) / 255.0F - 0.5F) / 0.25F, 1e-6F);
  }
  EXPECT_EQ(seen, all_rows());
}

TEST_F(PictureBatchesTest, a_batch_is_a_function_of_where_it_stands_and_two_views_differ) {
  PictureBatchOptions options = options_of(6);
  options.plan.view_count = 2;
  options.plan.labels = true;
  options.plan.noise_dim = 3;
  options.plan.patch_size = 2;
  options.plan.hidden_count = 12;
  options.augmentation = {.crop_area_min = 0.3, .flip = true, .jitter_probability = 1.0, .brightness = 0.4};
  const PictureBatches one = batches(options);
  const PictureBatches other = batches(options);
  const Batch batch = one.batch(5, 2).value();
  (void)other.batch(0, 1).value();
  expect_equal(batch, other.batch(5, 2).value());
  const Tensor& views = feed(batch, kImageInput);
  ASSERT_EQ(views.shape(), (Shape{12, 3, kSide, kSide}));
  const auto half = views.bytes().size() / 2;
  EXPECT_FALSE(std::ranges::equal(views.bytes().first(half), views.bytes().subspan(half)));
  const auto labels = feed(batch, kLabelsFeed).as<std::int32_t>();
  EXPECT_TRUE(std::ranges::equal(labels.first(6), labels.subspan(6)));
}

TEST_F(PictureBatchesTest, masks_and_ids_say_the_same) {
  PictureBatchOptions options = options_of(4);
  options.plan.patch_size = 2;
  options.plan.hidden_count = 10;
  options.plan.patches = true;
  const Batch batch = batches(options).batch(1, 0).value();
  const auto keep = feed(batch, kIdsKeepInput).as<std::int32_t>();
  const auto restore = feed(batch, kIdsRestoreFeed).as<std::int32_t>();
  const auto mask = feed(batch, kMaskFeed).as<float>();
  const auto ids = feed(batch, kMaskIdsFeed).as<std::int32_t>();
  for (std::size_t row = 0; row < 4; ++row) {
    std::size_t hidden_count = 0;
    for (std::size_t patch = 0; patch < 16; ++patch) {
      const std::size_t place = row * 16 + patch;
      const bool hidden = mask[place] == 1.0F;
      hidden_count += hidden ? 1 : 0;
      EXPECT_EQ(ids[place], hidden ? 16 : static_cast<std::int32_t>(patch));
      if (hidden) {
        EXPECT_EQ(restore[place], 6);
      } else {
        EXPECT_EQ(keep[row * 6 + static_cast<std::size_t>(restore[place])], static_cast<std::int32_t>(patch));
      }
    }
    EXPECT_EQ(hidden_count, 10U);
  }
  // The first patch of a picture begins with its first pixel, all channels together.
  const auto pixels = feed(batch, kImageInput).as<float>();
  const auto patches = feed(batch, kPatchesFeed).as<float>();
  EXPECT_EQ(patches[0], pixels[0]);
  EXPECT_EQ(patches[1], pixels[kSide * kSide]);
  EXPECT_EQ(patches[3], pixels[1]);
}

TEST_F(PictureBatchesTest, rows_by_label_come_in_groups) {
  PictureBatchOptions options = options_of(6);
  options.plan.labels = true;
  options.plan.rows_per_label = 3;
  const PictureBatches source = batches(options);
  ASSERT_GE(source.batch_count(), 2);
  const Batch batch = source.batch(0, 1).value();
  const auto labels = feed(batch, kLabelsFeed).as<std::int32_t>();
  for (std::size_t i = 0; i < labels.size(); i += 3) {
    EXPECT_EQ(labels[i], labels[i + 1]);
    EXPECT_EQ(labels[i], labels[i + 2]);
  }
}

TEST_F(PictureBatchesTest, mixup_mixes_pictures_by_the_share_it_says) {
  PictureBatchOptions options = options_of(20);
  options.plan.labels = true;
  const Batch before = batches(options).batch(0, 0).value();
  options.plan.mixup_alpha = 0.4;
  const Batch mixed = batches(options).batch(0, 0).value();
  const auto shares = feed(mixed, kShareFeed).as<float>();
  const auto size = static_cast<std::size_t>(3 * kSide * kSide);
  EXPECT_TRUE(std::ranges::any_of(shares, [](float share) { return share < 0.9F; }));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const float found = feed(mixed, kImageInput).as<float>()[i * size];
    const float own = feed(before, kImageInput).as<float>()[i * size];
    const bool is_own = std::abs(found - own) < 1e-6F;
    EXPECT_TRUE(is_own || shares[i] < 1.0F);
  }
}

TEST_F(PictureBatchesTest, working_ahead_gives_the_same_batches_from_anywhere) {
  PictureBatchOptions options = options_of(5);
  options.augmentation = {.crop_area_min = 0.3, .flip = true};
  const PictureBatches source = batches(options);
  const BatchesAhead ahead(source, 3);
  for (const auto& [first, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 9}, {6, 5}, {0, 2}}) {
    for (std::int64_t number = first; number < first + count; ++number) {
      expect_equal(ahead.batch(number / 4, number % 4).value(), source.batch(number / 4, number % 4).value());
    }
  }
}

}  // namespace
}  // namespace asterism
