// Every recorded answer of sentence-transformers (tests/golden/sentence_transformers/README.md), element by element.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden/sentence_transformers";

struct Run {
  std::string folder;
  Json run;
  std::size_t token_count_max = 0;
  std::string label() const { return folder + "_" + run["name"].get<std::string>(); }
};

void PrintTo(const Run& run, std::ostream* out) {
  *out << run.label();
}

Json manifest() {
  auto json = read_json_file(kGolden / "manifest.json");
  return json ? *json : Json{{"cases", Json::array()}, {"texts", Json::array()}};
}

// Two runs follow another rule on purpose: Asterism normalises again after a cut when the model normalises, and a cut
// wider than the vectors is an error, not a no-op.
bool is_deliberately_different(const std::string& folder, const std::string& run) {
  return (folder == "matryoshka_normalize" && run == "cut_8") || run == "cut_beyond";
}

std::vector<Run> all_runs() {
  std::vector<Run> runs;
  const Json recorded = manifest();
  for (const Json& golden : recorded["cases"]) {
    const auto folder = golden["name"].get<std::string>();
    for (const Json& run : golden["runs"]) {
      if (!is_deliberately_different(folder, run["name"].get<std::string>())) {
        runs.push_back({folder, run, golden["token_count_max"].get<std::size_t>()});
      }
    }
  }
  return runs;
}

EncoderOptions options_of(const Json& run) {
  EncoderOptions options;
  options.precision = Precision::kF32;
  options.thread_count = 1;
  options.prompt_name = run["prompt_name"].is_null() ? "" : run["prompt_name"].get<std::string>();
  if (!run["prompt"].is_null()) {
    options.prompt = run["prompt"].get<std::string>();
  }
  options.dim = run["truncate_dim"].is_null() ? 0 : run["truncate_dim"].get<std::size_t>();
  if (run["normalize_embeddings"].get<bool>()) {
    options.normalize = true;
  }
  return options;
}

class SentenceTransformersGolden : public testing::TestWithParam<Run> {};

TEST_P(SentenceTransformersGolden, equals_the_original) {
  const auto& [folder, run, token_count_max] = GetParam();
  auto encoder = Encoder::load((kGolden / folder).string(), options_of(run));
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->info().token_count_max, token_count_max);
  const auto texts = manifest()["texts"].get<std::vector<std::string>>();
  auto embeddings = encoder->encode(texts);
  ASSERT_TRUE(embeddings) << embeddings.error().to_string();
  auto expected = read_safetensors(kGolden / folder / "expected.safetensors");
  ASSERT_TRUE(expected) << expected.error().to_string();
  const Tensor values = expected->tensors.at(run["name"].get<std::string>()).to_f32();
  ASSERT_EQ(embeddings->dim, static_cast<std::size_t>(values.shape()[1]));
  ASSERT_EQ(embeddings->values.size(), values.element_count());
  const auto tolerance = run["tolerance"].get<float>();
  float worst = 0.0F;
  for (std::size_t i = 0; i < values.element_count(); ++i) {
    worst = std::max(worst, std::abs(embeddings->values[i] - values.as<float>()[i]));
    ASSERT_FALSE(std::isnan(embeddings->values[i]));
  }
  EXPECT_LE(worst, tolerance);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(embeddings->reports[i].token_count_given, run["token_count_given"][i].get<std::uint32_t>()) << texts[i];
    EXPECT_EQ(embeddings->reports[i].token_count_used, run["token_count_used"][i].get<std::uint32_t>()) << texts[i];
  }
}

INSTANTIATE_TEST_SUITE_P(all, SentenceTransformersGolden, testing::ValuesIn(all_runs()),
                         [](const auto& golden) { return golden.param.label(); });

TEST(SentenceTransformersGolden, recordings_are_there) {
  EXPECT_GE(all_runs().size(), 40U);
}

TEST(SentenceTransformersGolden, cut_wider_than_the_vectors_is_an_error) {
  EncoderOptions options;
  options.dim = 100;
  auto encoder = Encoder::load((kGolden / "matryoshka").string(), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(encoder.error().message.find("at most 32"), std::string::npos) << encoder.error().message;
}

TEST(SentenceTransformersGolden, cut_of_a_normalising_model_has_length_one) {
  EncoderOptions options;
  options.dim = 8;
  auto encoder = Encoder::load((kGolden / "matryoshka_normalize").string(), options);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  auto embeddings = encoder->encode(std::vector<std::string>{"the river"});
  ASSERT_TRUE(embeddings);
  float square = 0.0F;
  for (const float value : embeddings->row(0)) {
    square += value * value;
  }
  EXPECT_NEAR(square, 1.0F, 1e-5F);
}

}  // namespace
}  // namespace asterism
