#include "kernels/code_dots.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "tensor/dtype.hpp"

namespace asterism {
namespace {

std::vector<std::byte> random_i8(std::size_t dim, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> component(-127, 127);
  std::vector<std::byte> code(dim);
  for (std::byte& value : code) {
    value = static_cast<std::byte>(static_cast<std::int8_t>(component(random)));
  }
  return code;
}

std::vector<std::byte> random_bf16(std::size_t dim, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::byte> code(2 * dim);
  for (std::size_t i = 0; i < dim; ++i) {
    const std::uint16_t bits = f32_to_bf16(normal(random));
    std::memcpy(code.data() + 2 * i, &bits, sizeof bits);
  }
  return code;
}

TEST(CodeDots, i8_is_exact_at_every_length) {
  const CodeDots& serial = i8_code_dots().back();
  ASSERT_EQ(serial.name, "serial");
  for (std::size_t dim = 0; dim < 300; ++dim) {
    const auto a = random_i8(dim, 1);
    const auto b = random_i8(dim, 2);
    for (const CodeDots& dots : i8_code_dots()) {
      EXPECT_EQ(dots.product(a.data(), b.data(), dim), serial.product(a.data(), b.data(), dim)) << dots.name << dim;
    }
  }
}

TEST(CodeDots, i8_of_the_most_and_the_largest_components_does_not_wrap) {
  const std::size_t dim = 65536;
  const std::vector<std::byte> largest(dim, std::byte{0x7F});
  const std::vector<std::byte> smallest(dim, std::byte{0x81});
  for (const CodeDots& dots : i8_code_dots()) {
    EXPECT_EQ(dots.product(largest.data(), largest.data(), dim), 127.0F * 127.0F * 65536.0F) << dots.name;
    EXPECT_EQ(dots.product(largest.data(), smallest.data(), dim), -127.0F * 127.0F * 65536.0F) << dots.name;
    EXPECT_EQ(dots.product(smallest.data(), largest.data(), dim), -127.0F * 127.0F * 65536.0F) << dots.name;
  }
}

// Each of a group against the product alone: another number at each place.
void expect_groups_equal_products(std::span<const CodeDots> all,
                                  std::vector<std::byte> (*random)(std::size_t, unsigned)) {
  for (std::size_t dim = 0; dim < 300; ++dim) {
    const auto query = random(dim, 1);
    const std::array rows{random(dim, 2), random(dim, 3), random(dim, 4), random(dim, 5)};
    const CodeGroup group{rows[0].data(), rows[1].data(), rows[2].data(), rows[3].data()};
    for (const CodeDots& dots : all) {
      const ProductGroup products = dots.products(query.data(), group, dim);
      for (std::size_t i = 0; i < kCodesAtOnce; ++i) {
        EXPECT_EQ(products[i], dots.product(query.data(), group[i], dim)) << dots.name << dim << " of " << i;
      }
    }
  }
}

TEST(CodeDots, groups_are_the_products_one_by_one) {
  expect_groups_equal_products(i8_code_dots(), &random_i8);
  expect_groups_equal_products(bf16_code_dots(), &random_bf16);
}

TEST(CodeDots, i8_groups_of_the_most_and_the_largest_components_do_not_wrap) {
  const std::size_t dim = 65536;
  const std::vector<std::byte> largest(dim, std::byte{0x7F});
  const std::vector<std::byte> smallest(dim, std::byte{0x81});
  const CodeGroup group{largest.data(), smallest.data(), smallest.data(), largest.data()};
  constexpr float kSquare = 127.0F * 127.0F * 65536.0F;
  for (const CodeDots& dots : i8_code_dots()) {
    EXPECT_EQ(dots.products(largest.data(), group, dim), (ProductGroup{kSquare, -kSquare, -kSquare, kSquare}))
        << dots.name;
  }
}

TEST(CodeDots, bf16_is_exact_to_rounding_at_every_length) {
  const CodeDots& serial = bf16_code_dots().back();
  for (std::size_t dim = 0; dim < 300; ++dim) {
    const auto a = random_bf16(dim, 1);
    const auto b = random_bf16(dim, 2);
    const float expected = serial.product(a.data(), b.data(), dim);
    for (const CodeDots& dots : bf16_code_dots()) {
      // 300 sums of products near 1, each rounded to 2^-24.
      EXPECT_NEAR(dots.product(a.data(), b.data(), dim), expected, 2e-5F * (1.0F + std::sqrt(float(dim))))
          << dots.name << dim;
    }
  }
}

TEST(CodeDots, the_one_that_is_used_is_not_serial) {
  EXPECT_NE(i8_code_dots().front().name, "serial");
  EXPECT_NE(bf16_code_dots().front().name, "serial");
}

}  // namespace
}  // namespace asterism
