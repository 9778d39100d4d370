// Rows of pictures: order, batches, threads, calls side by side, and files that cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "golden_image_model.hpp"
#include "picture_files.hpp"

namespace asterism {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsNan;

Encoder lenet(EncoderOptions options = {}) {
  options.precision = Precision::kF32;
  auto encoder = Encoder::load(example_path("models/lenet5").string(), options);
  if (!encoder) {
    throw std::runtime_error(encoder.error().to_string());  // gtest reports it
  }
  return *std::move(encoder);
}

Embeddings encode(const Encoder& encoder, const std::vector<std::string>& files) {
  auto rows = encoder.encode_images(views_of(files));
  if (!rows) {
    throw std::runtime_error(rows.error().to_string());
  }
  return *std::move(rows);
}

// Largest |difference| of row i of `a` from row j of `b`; infinity for NaN.
double difference(const Embeddings& a, std::size_t i, const Embeddings& b, std::size_t j) {
  double worst = 0.0;
  for (std::size_t k = 0; k < a.dim; ++k) {
    const double d = std::abs(static_cast<double>(a.row(i)[k]) - b.row(j)[k]);
    worst = std::max(worst, std::isnan(d) ? INFINITY : d);
  }
  return worst;
}

bool same(const Embeddings& a, std::size_t i, const Embeddings& b, std::size_t j) {
  return std::ranges::equal(a.row(i), b.row(j));
}

// float32 sums in another order, of values of at most 1 (tanh).
constexpr double kRounding = 1e-5;

class ImageRows : public testing::Test {
 protected:
  const std::vector<std::string> digits_ = example_pictures("digits");
};

TEST_F(ImageRows, read_their_digits) {
  const Embeddings rows = encode(lenet({.layers = {"logits"}}), digits_);
  ASSERT_EQ(rows.row_count, 20U);
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    const auto values = rows.row(row);
    EXPECT_EQ(std::ranges::max_element(values) - values.begin(), static_cast<std::ptrdiff_t>(row / 2)) << row;
    EXPECT_EQ(rows.reports[row].image_width, rows.reports[row].image_height);
    EXPECT_GT(rows.reports[row].image_width, 0U);
  }
}

TEST_F(ImageRows, keep_the_order_over_any_number_of_threads_and_sizes_of_batches) {
  const Embeddings one = encode(lenet({.thread_count = 1, .batch_image_count = 1}), digits_);
  for (const std::size_t threads : {1U, 2U, 5U}) {
    for (const std::size_t batch : {1U, 3U, 8U, 64U}) {
      const Embeddings rows = encode(lenet({.thread_count = threads, .batch_image_count = batch}), digits_);
      ASSERT_EQ(rows.row_count, one.row_count);
      for (std::size_t row = 0; row < rows.row_count; ++row) {
        EXPECT_LE(difference(rows, row, one, row), kRounding) << threads << " threads, batches of " << batch;
      }
    }
  }
}

TEST_F(ImageRows, batch_invariant_ones_are_the_same_bits_in_any_company) {
  const Encoder encoder = lenet({.thread_count = 2, .batch_invariant = true});
  const Embeddings all = encode(encoder, digits_);
  std::vector<std::string> backwards(digits_.rbegin(), digits_.rend());
  const Embeddings turned = encode(encoder, backwards);
  const Embeddings other_threads = encode(lenet({.thread_count = 1, .batch_invariant = true}), digits_);
  for (std::size_t row = 0; row < all.row_count; ++row) {
    EXPECT_TRUE(same(all, row, encode(encoder, {digits_[row]}), 0)) << row;
    EXPECT_TRUE(same(all, row, turned, all.row_count - 1 - row)) << row;
    EXPECT_TRUE(same(all, row, other_threads, row)) << row;
  }
}

TEST_F(ImageRows, none_give_an_empty_result) {
  for (const EncoderOptions& options : {EncoderOptions{}, EncoderOptions{.layers = {"input"}}}) {
    const Encoder encoder = lenet(options);
    const Embeddings rows = encode(encoder, {});
    EXPECT_EQ(rows.row_count, 0U);
    EXPECT_EQ(rows.dim, encoder.dim());
    EXPECT_TRUE(rows.values.empty());
    EXPECT_TRUE(encoder.encode_pixels({}));
  }
}

TEST_F(ImageRows, many_more_than_a_batch_a_thread) {
  std::vector<std::string> files;
  for (std::size_t i = 0; i < 500; ++i) {
    files.push_back(digits_[i * 7 % digits_.size()]);
  }
  const Encoder encoder = lenet({.thread_count = 3});
  const Embeddings few = encode(encoder, digits_);
  const Embeddings rows = encode(encoder, files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_LE(difference(rows, i, few, i * 7 % digits_.size()), kRounding) << i;
  }
}

TEST_F(ImageRows, calls_side_by_side_do_not_disturb_each_other) {
  const Encoder encoder = lenet({.thread_count = 2, .batch_image_count = 2});
  const Embeddings alone = encode(encoder, digits_);
  std::vector<Embeddings> results(4);
  {
    std::vector<std::jthread> threads;
    for (Embeddings& result : results) {
      threads.emplace_back([&] {
        for (int repeat = 0; repeat < 20; ++repeat) {
          result = encode(encoder, digits_);
        }
      });
    }
  }
  for (const Embeddings& result : results) {
    ASSERT_EQ(result.row_count, alone.row_count);
    for (std::size_t row = 0; row < alone.row_count; ++row) {
      EXPECT_LE(difference(result, row, alone, row), kRounding);
    }
  }
}

TEST_F(ImageRows, a_file_that_cannot_be_read_fails_alone) {
  const Encoder encoder = lenet({.thread_count = 2, .batch_invariant = true});
  const Embeddings clean = encode(encoder, digits_);
  std::vector<std::string> files = digits_;
  const std::vector<std::string> broken{"", "<html><body>404</body></html>", digits_[3].substr(0, 40),
                                        std::string(1000, '\0')};
  for (std::size_t i = 0; i < broken.size(); ++i) {
    files.insert(files.begin() + static_cast<std::ptrdiff_t>(5 * i), broken[i]);
  }
  const Embeddings rows = encode(encoder, files);
  ASSERT_EQ(rows.row_count, files.size());
  std::size_t clean_row = 0;
  for (std::size_t row = 0; row < rows.row_count; ++row) {
    if (row % 5 == 0 && row / 5 < broken.size()) {
      ASSERT_TRUE(rows.reports[row].error) << row;
      EXPECT_FALSE(rows.reports[row].error->message.empty());
      EXPECT_THAT(rows.row(row), Each(IsNan()));
    } else {
      EXPECT_FALSE(rows.reports[row].error) << row;
      EXPECT_TRUE(same(rows, row, clean, clean_row++)) << row;
    }
  }
}

TEST_F(ImageRows, all_of_them_may_fail) {
  const Embeddings rows = encode(lenet(), {"", "", "nothing"});
  EXPECT_THAT(rows.values, Each(IsNan()));
  for (const RowReport& report : rows.reports) {
    EXPECT_TRUE(report.error);
  }
}

TEST_F(ImageRows, a_picture_that_is_cut_short_is_taken_only_when_asked_for) {
  const std::string jpeg = file_bytes(example_path("data/images/car/000.jpg"));
  const std::vector<std::string> files{jpeg.substr(0, jpeg.size() * 2 / 3)};
  const Embeddings strict = encode(lenet(), files);
  ASSERT_TRUE(strict.reports[0].error);
  const Embeddings lenient = encode(lenet({.allow_truncated = true}), files);
  EXPECT_FALSE(lenient.reports[0].error);
  EXPECT_FALSE(std::isnan(lenient.values[0]));
}

// 8-bit grey BMP files of any size: a header, a palette and rows padded to 4 bytes (Microsoft's BITMAPINFOHEADER).
std::string grey_bmp(std::uint32_t width, std::uint32_t height) {
  const std::uint32_t row_size = (width + 3) / 4 * 4;
  const std::uint32_t offset = 14 + 40 + 1024;
  std::string out = "BM";
  const auto put = [&](std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) {
      out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
    }
  };
  put(offset + row_size * height, 4);
  put(0, 4);
  put(offset, 4);
  put(40, 4);
  put(width, 4);
  put(height, 4);
  put(1, 2);
  put(8, 2);
  for (int i = 0; i < 6; ++i) {
    put(0, 4);
  }
  for (std::uint32_t level = 0; level < 256; ++level) {
    put(level * 0x010101U, 4);
  }
  out.resize(offset + static_cast<std::size_t>(row_size) * height, '\x55');
  return out;
}

TEST_F(ImageRows, take_pictures_of_any_shape) {
  const Embeddings rows = encode(lenet(), {grey_bmp(1, 1), grey_bmp(3, 20'000), grey_bmp(20'000, 1)});
  for (std::size_t row = 0; row < 3; ++row) {
    ASSERT_FALSE(rows.reports[row].error) << rows.reports[row].error->to_string();
  }
  EXPECT_EQ(rows.reports[1].image_width, 3U);
  EXPECT_EQ(rows.reports[1].image_height, 20'000U);
  // One level everywhere: whatever the shape, the same picture for the model.
  EXPECT_LE(difference(rows, 0, rows, 1), kRounding);
  EXPECT_LE(difference(rows, 0, rows, 2), kRounding);
}

TEST_F(ImageRows, a_picture_larger_than_the_limit_fails_before_it_is_decoded) {
  std::string bomb = grey_bmp(1, 1);
  for (const std::size_t at : {18U, 22U}) {  // width and height of 1,000,000
    bomb[at] = '\x40';
    bomb[at + 1] = '\x42';
    bomb[at + 2] = '\x0F';
  }
  const Embeddings rows = encode(lenet(), {bomb});
  ASSERT_TRUE(rows.reports[0].error);
  EXPECT_EQ(rows.reports[0].error->code, ErrorCode::kLimitExceeded);
}

TEST(ImagePixels, must_be_as_many_as_the_model_takes) {
  const GoldenImageModel golden("resnet_timm_basic");
  const Encoder encoder = golden.load();
  const auto values = golden.pixels().values;
  // The last one wraps around to what is there when it is multiplied by the pixels of an image.
  for (const PixelsView& pixels :
       {PixelsView{.values = values, .row_count = 1},
        PixelsView{.values = values.first(values.size() - 1), .row_count = 2},
        PixelsView{.values = values, .row_count = 0}, PixelsView{.values = {}, .row_count = 2},
        PixelsView{.values = {}, .row_count = std::size_t{1} << 63U}}) {
    const auto rows = encoder.encode_pixels(pixels);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(rows.error().message, HasSubstr("[3, 40, 56]"));
  }
}

TEST(ImagePixels, that_are_no_numbers_fail_their_row_alone) {
  const GoldenImageModel golden("resnet_timm_basic");
  const Encoder encoder = golden.load({.batch_invariant = true});
  const auto clean = encoder.encode_pixels(golden.pixels());
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(golden.pixels().values.begin(), golden.pixels().values.end());
    values[7] = bad;
    const auto rows = encoder.encode_pixels({.values = values, .row_count = 2});
    ASSERT_TRUE(rows);
    ASSERT_TRUE(rows->reports[0].error);
    EXPECT_EQ(rows->reports[0].error->code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(rows->row(0), Each(IsNan()));
    EXPECT_FALSE(rows->reports[1].error);
    EXPECT_TRUE(same(*rows, 1, *clean, 1));
  }
}

TEST(ImageModel, takes_no_texts) {
  const std::vector<std::string> texts{"a text"};
  const auto rows = lenet().encode(texts);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(rows.error().message, HasSubstr("takes images, not texts"));
  EXPECT_FALSE(rows.error().hint.empty());
}

TEST(TextModel, takes_no_images) {
  const auto encoder = Encoder::load(kBuiltinModel);
  ASSERT_TRUE(encoder);
  const std::vector<std::string_view> files{"x"};
  const std::vector<float> values(3);
  for (const auto& rows : {encoder->encode_images(files), encoder->encode_pixels({.values = values, .row_count = 1})}) {
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(rows.error().message, HasSubstr("takes texts, not images"));
    EXPECT_FALSE(rows.error().hint.empty());
  }
}

}  // namespace
}  // namespace asterism
