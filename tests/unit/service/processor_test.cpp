#include "service/processor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace asterism::service {
namespace {

bool has(const ProcessorDescription& processor, std::string_view feature) {
  const auto it =
      std::ranges::find(processor.features, feature, [](const auto& f) { return std::string_view(f.first); });
  return it != processor.features.end() && it->second;
}

TEST(ParseCpuinfo, x86_features_are_whole_words) {
  const auto processor = parse_cpuinfo(
      "processor\t: 0\nmodel name\t: AMD EPYC 9\nflags\t\t: fpu avx2 avx512f avx512_vnni\n\nprocessor\t: 1\nflags\t\t: "
      "fpu\n");
  EXPECT_EQ(processor.name, "AMD EPYC 9");
  EXPECT_TRUE(has(processor, "AVX2"));
  EXPECT_TRUE(has(processor, "AVX-512"));
  EXPECT_TRUE(has(processor, "AVX-512 VNNI"));
  EXPECT_FALSE(has(processor, "AVX-512 BF16"));
  EXPECT_FALSE(has(processor, "AMX BF16"));
  EXPECT_EQ(processor.features.size(), 7U);
}

TEST(ParseCpuinfo, arm_has_its_own_features) {
  const auto processor = parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd bf16\n");
  EXPECT_TRUE(has(processor, "NEON"));
  EXPECT_TRUE(has(processor, "BF16"));
  EXPECT_FALSE(has(processor, "SVE"));
}

TEST(ParseCpuinfo, other_text_gives_no_features) {
  EXPECT_TRUE(parse_cpuinfo("").features.empty());
  EXPECT_TRUE(parse_cpuinfo("no colon here\n:\n : \n").features.empty());
}

}  // namespace
}  // namespace asterism::service
