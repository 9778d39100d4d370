// Every recorded answer of model2vec and of sentence-transformers' StaticEmbedding (tests/golden/static/README.md).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden/static";

struct Run {
  std::string folder;
  Json run;
  std::string label() const { return folder + "_" + run["name"].get<std::string>(); }
};

void PrintTo(const Run& run, std::ostream* out) {
  *out << run.label();
}

Json manifest() {
  auto json = read_json_file(kGolden / "manifest.json");
  return json ? *json : Json{{"cases", Json::array()}, {"texts", Json::array()}};
}

std::vector<Run> all_runs() {
  std::vector<Run> runs;
  const Json recorded = manifest();
  for (const Json& golden : recorded["cases"]) {
    for (const Json& run : golden["runs"]) {
      runs.push_back({golden["name"].get<std::string>(), run});
    }
  }
  return runs;
}

float largest_difference(std::span<const float> a, std::span<const float> b) {
  float worst = 0.0F;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
  }
  return worst;
}

class StaticGolden : public testing::TestWithParam<Run> {};

TEST_P(StaticGolden, equals_the_original) {
  const auto& [folder, run] = GetParam();
  EncoderOptions options;
  options.thread_count = 1;
  if (!run["normalize"].is_null()) {
    options.normalize = run["normalize"].get<bool>();
  }
  auto encoder = Encoder::load((kGolden / folder).string(), options);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->info().normalized, run["normalized"].get<bool>());
  auto embeddings = encoder->encode(manifest()["texts"].get<std::vector<std::string>>());
  ASSERT_TRUE(embeddings) << embeddings.error().to_string();
  auto expected = read_safetensors(kGolden / folder / "expected.safetensors");
  ASSERT_TRUE(expected) << expected.error().to_string();
  const auto name = run["name"].get<std::string>();
  const Tensor answer = expected->tensors.at(name).to_f32();
  const Tensor exact = expected->tensors.at(name + ".exact").to_f32();
  ASSERT_EQ(embeddings->values.size(), answer.element_count());
  EXPECT_LE(largest_difference(embeddings->values, answer.as<float>()), run["tolerance"].get<float>());
  EXPECT_LE(largest_difference(embeddings->values, exact.as<float>()), run["tolerance_exact"].get<float>());
}

INSTANTIATE_TEST_SUITE_P(all, StaticGolden, testing::ValuesIn(all_runs()),
                         [](const auto& golden) { return golden.param.label(); });

TEST(StaticGolden, recordings_are_there) {
  EXPECT_GE(all_runs().size(), 30U);
}

}  // namespace
}  // namespace asterism
