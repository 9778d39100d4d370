// Files that lie: none may crash, hang or take memory that its content does not pay for.
#include <gtest/gtest.h>

#include <random>

#include "image/decode.hpp"
#include "support.hpp"

namespace asterism {
namespace {

using namespace std::string_view_literals;

void put_u32_big(std::vector<std::byte>& bytes, std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[offset + i] = static_cast<std::byte>(value >> (24 - 8 * i));
  }
}

void expect_an_answer(const Result<Image>& image) {
  if (image) {
    EXPECT_EQ(image->pixels.size(), static_cast<std::size_t>(image->width * image->height * 3));
  } else {
    EXPECT_FALSE(image.error().message.empty());
    EXPECT_NE(image.error().code, ErrorCode::kInternal) << image.error().to_string();
  }
}

TEST(HostileImage, EveryPrefixHasAnAnswer) {
  for (const std::string& name : sample_names()) {
    SCOPED_TRACE(name);
    const auto bytes = read_sample(name);
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 97);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      // A copy of exactly this size, so that a read behind its end is a sanitizer's report.
      const std::vector<std::byte> prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      expect_an_answer(decode_image(prefix));
      expect_an_answer(decode_image(prefix, {.allow_truncated = true}));
      static_cast<void>(read_image_header(prefix));
    }
  }
}

TEST(HostileImage, RandomDamageHasAnAnswer) {
  std::mt19937_64 random(7);
  for (const std::string& name : sample_names()) {
    SCOPED_TRACE(name);
    const auto bytes = read_sample(name);
    for (int round = 0; round < 40; ++round) {
      auto damaged = bytes;
      for (std::size_t i = 0; i <= random() % 8; ++i) {
        damaged[random() % damaged.size()] = static_cast<std::byte>(random());
      }
      // Sizes that the damage makes stay small: this is about reading, limits have tests of their own.
      expect_an_answer(decode_image(damaged, {.pixel_count_max = 4'000'000, .allow_truncated = round % 2 == 0}));
    }
  }
}

TEST(HostileImage, CutFilesAreErrorsThatSayWhatIsThere) {
  auto png = read_sample("png_rgb_8");
  png.resize(png.size() / 2);
  const auto cut_png = decode_image(png);
  ASSERT_FALSE(cut_png.has_value());
  EXPECT_EQ(cut_png.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(cut_png.error().message.find("PNG: the file ends too early"), std::string::npos) << cut_png.error().message;
  auto jpeg = read_sample("jpeg_420");
  jpeg.resize(jpeg.size() - 40);
  const auto cut_jpeg = decode_image(jpeg);
  ASSERT_FALSE(cut_jpeg.has_value());
  EXPECT_NE(cut_jpeg.error().message.find("of 13 rows are there"), std::string::npos) << cut_jpeg.error().message;
  EXPECT_TRUE(decode_image(jpeg, {.allow_truncated = true}).has_value());
}

TEST(HostileImage, BombsAreRefusedFromTheirHeaders) {
  auto png = read_sample("png_rgb_8");
  put_u32_big(png, 16, 60'000);
  put_u32_big(png, 20, 60'000);
  EXPECT_EQ(decode_image(png).error().code, ErrorCode::kLimitExceeded);

  auto gif = read_sample("gif_palette");
  for (const std::size_t offset : {6U, 7U, 8U, 9U}) {
    gif[offset] = std::byte{0xFF};
  }
  EXPECT_EQ(decode_image(gif).error().code, ErrorCode::kLimitExceeded);

  auto bmp = read_sample("bmp_24");
  bmp[20] = bmp[24] = std::byte{1};  // both edges grow by 65,536
  EXPECT_EQ(decode_image(bmp).error().code, ErrorCode::kLimitExceeded);

  auto jpeg = read_sample("jpeg_444");
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == std::byte{0xC0}) {
      for (std::size_t k = 5; k < 9; ++k) {
        jpeg[i + k] = std::byte{0xFD};
      }
      break;
    }
  }
  EXPECT_EQ(decode_image(jpeg).error().code, ErrorCode::kLimitExceeded);

  auto webp = read_sample("webp_animated_offset");
  for (const std::size_t offset : {24U, 25U, 27U, 28U}) {
    webp[offset] = std::byte{0xFF};  // a canvas of 65,536 x 65,536
  }
  EXPECT_EQ(decode_image(webp).error().code, ErrorCode::kLimitExceeded);
}

TEST(HostileImage, TiffBombIsRefusedFromItsTags) {
  auto tiff = read_sample("tiff_grey_8");
  int found = 0;
  for (std::size_t i = 0; i + 12 <= tiff.size(); ++i) {
    const bool is_width = tiff[i] == std::byte{0} && tiff[i + 1] == std::byte{1};
    const bool is_height = tiff[i] == std::byte{1} && tiff[i + 1] == std::byte{1};
    if ((is_width || is_height) && tiff[i + 2] == std::byte{4} && tiff[i + 4] == std::byte{1}) {
      tiff[i + 10] = std::byte{1};  // plus 65,536
      ++found;
    }
  }
  ASSERT_EQ(found, 2);
  EXPECT_EQ(decode_image(tiff).error().code, ErrorCode::kLimitExceeded);
}

TEST(HostileImage, LimitsAreExact) {
  for (const char* name : {"jpeg_420", "png_rgb_8", "webp_lossy", "gif_palette", "tiff_grey_8", "bmp_24", "bmp_rle8"}) {
    SCOPED_TRACE(name);
    const auto bytes = read_sample(name);
    EXPECT_TRUE(decode_image(bytes, {.pixel_count_max = 19 * 13}).has_value());
    EXPECT_EQ(decode_image(bytes, {.pixel_count_max = 19 * 13 - 1}).error().code, ErrorCode::kLimitExceeded);
    EXPECT_TRUE(decode_image(bytes, {.file_size_bytes_max = bytes.size()}).has_value());
    EXPECT_EQ(decode_image(bytes, {.file_size_bytes_max = bytes.size() - 1}).error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ(decode_image(bytes, {.memory_size_bytes_max = 19 * 13 * 3 - 1}).error().code, ErrorCode::kLimitExceeded);
  }
}

TEST(HostileImage, TimeIsBounded) {
  for (const char* name : {"jpeg_420_progressive", "png_rgb_8", "png_rgb_8_interlaced", "tiff_rgb_tiff_lzw"}) {
    const auto image = decode_image(read_sample(name), {.time_max = std::chrono::milliseconds(-1)});
    ASSERT_FALSE(image.has_value()) << name;
    EXPECT_EQ(image.error().code, ErrorCode::kLimitExceeded) << image.error().to_string();
  }
}

// A progressive file of real encoders has about ten scans. This one repeats a scan of one bit plane.
TEST(HostileImage, JpegWithHundredsOfScansIsRefused) {
  const auto bytes = read_sample("jpeg_grey_progressive");
  std::vector<std::size_t> scans;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] == std::byte{0xFF} && bytes[i + 1] == std::byte{0xDA}) {
      scans.push_back(i);
    }
  }
  ASSERT_GE(scans.size(), 2U);
  const auto at = [&](std::size_t offset) { return bytes.begin() + static_cast<std::ptrdiff_t>(offset); };
  std::vector<std::byte> many(at(0), at(scans[1]));
  for (int i = 0; i < 600; ++i) {
    many.insert(many.end(), at(scans[0]), at(scans[1]));
  }
  many.insert(many.end(), {std::byte{0xFF}, std::byte{0xD9}});
  const auto image = decode_image(many);
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, ErrorCode::kLimitExceeded) << image.error().to_string();
  EXPECT_NE(image.error().message.find("scans"), std::string::npos);
}

TEST(HostileImage, OddHeadersAreRefusedByName) {
  auto bmp = read_sample("bmp_4");
  bmp[46] = std::byte{1};
  bmp[48] = std::byte{1};  // 65,537 colours
  EXPECT_EQ(decode_image(bmp).error().code, ErrorCode::kUnsupported);
  bmp[46] = std::byte{0};  // 65,536: as many as Pillow allows
  EXPECT_TRUE(decode_image(bmp).has_value());

  auto tiff = read_sample("tiff_grey_alpha");
  for (std::size_t i = 0; i + 12 <= tiff.size(); ++i) {
    const bool is_short = tiff[i + 1] == std::byte{1} && tiff[i + 2] == std::byte{3};
    if (is_short && tiff[i] == std::byte{0x15}) {
      tiff[i + 8] = std::byte{7};
    }
    // Tags with a number for each sample become private ones that nobody reads.
    if (is_short && (tiff[i] == std::byte{0x02} || tiff[i] == std::byte{0x53})) {
      tiff[i + 1] = std::byte{0xFE};
    }
  }
  const auto image = decode_image(tiff);
  ASSERT_FALSE(image.has_value());
  EXPECT_NE(image.error().message.find("samples a pixel, found 7"), std::string::npos) << image.error().message;
}

TEST(HostileImage, SecondPngHeaderDoesNotCount) {
  auto png = read_sample("png_rgb_8");
  const std::vector<std::byte> header(png.begin() + 8, png.begin() + 33);
  put_u32_big(png, 16, 60'000);
  put_u32_big(png, 20, 60'000);
  png.insert(png.begin() + 33, header.begin(), header.end());
  EXPECT_EQ(decode_image(png).error().code, ErrorCode::kLimitExceeded);
}

TEST(HostileImage, OtherContentIsNamed) {
  const auto message = [](std::string_view text) { return decode_image(text_bytes(text)).error().message; };
  const auto expect_found = [&](std::string_view text, const char* words) {
    EXPECT_EQ(decode_image(text_bytes(text)).error().code, ErrorCode::kUnsupported);
    EXPECT_NE(message(text).find(words), std::string::npos) << message(text);
  };
  expect_found("<!DOCTYPE html><html>", "found HTML text");
  expect_found(
      "\0\0\0\x18"
      "ftypheic...."sv,
      "found a HEIC image");
  expect_found(
      "\0\0\0\x20"
      "ftypavif...."sv,
      "found an AVIF image");
  expect_found("%PDF-1.7", "found a PDF document");
  expect_found("<?xml version=\"1.0\"?><svg>", "found an SVG drawing");
  expect_found("{\"error\": 404}", "found JSON text");
  expect_found("version https://git-lfs.github.com/spec/v1", "Git LFS pointer");
  expect_found("\x01\x02\x03\x04\x05"sv, "found the bytes 01 02 03 04 05");
  EXPECT_NE(message("").find("an empty file"), std::string::npos);
}

TEST(HostileImage, NarrowImagesDecode) {
  // 1 x 1 comes with the samples; a PNG 3 x 20000 is made of BMP's simpler rows.
  std::vector<std::byte> bmp(54 + 20'000 * 12);
  const std::string_view head = "BM"sv;
  std::ranges::copy(text_bytes(head), bmp.begin());
  bmp[10] = std::byte{54};
  bmp[14] = std::byte{40};
  bmp[18] = std::byte{3};
  bmp[22] = std::byte{0x20};
  bmp[23] = std::byte{0x4E};
  bmp[26] = std::byte{1};
  bmp[28] = std::byte{24};
  const auto image = decode_image(bmp);
  ASSERT_TRUE(image.has_value()) << image.error().to_string();
  EXPECT_EQ(image->width, 3);
  EXPECT_EQ(image->height, 20'000);
}

}  // namespace
}  // namespace asterism
