// Hidden states of tiny encoders against transformers' own, element by element, on both backends
// (tools/goldens/text_models_record.py makes the recordings and says where the tolerance comes from).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "models/family.hpp"
#include "openvino/openvino_backend.hpp"
#include "reference/reference_backend.hpp"
#include "weights/checkpoint.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

const std::filesystem::path kFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/text_models";

struct GoldenValue {
  std::string value;
  std::string tensor;
  double tolerance = 0.0;
};

struct GoldenCase {
  std::string name;
  std::string family;
  std::vector<GoldenValue> values;
};

std::vector<GoldenCase> golden_cases() {
  const Json manifest = read_json_file(kFolder / "manifest.json").value();
  std::vector<GoldenCase> cases;
  for (const Json& entry : manifest["cases"]) {
    GoldenCase& golden = cases.emplace_back();
    golden.name = entry["name"].get<std::string>();
    golden.family = entry["family"].get<std::string>();
    for (const Json& value : entry["values"]) {
      golden.values.push_back(
          {value["value"].get<std::string>(), value["tensor"].get<std::string>(), value["tolerance"].get<double>()});
    }
  }
  return cases;
}

Json read_config(const std::string& name) {
  return read_json_file(kFolder / name / "config.json").value();
}

// Largest |difference| over tolerance, over all hidden states: at most 1 where the model is right.
Result<double> worst_ratio(const GoldenCase& golden, const Json& config, const Backend& backend) {
  const std::filesystem::path folder = kFolder / golden.name;
  auto tensors = read_checkpoint(folder);
  if (!tensors) {
    return std::unexpected(tensors.error());
  }
  auto model = build_text_model(config, std::move(*tensors), folder.string());
  if (!model) {
    return std::unexpected(model.error());
  }
  std::vector<std::string> names;
  for (const GoldenValue& value : golden.values) {
    names.push_back(value.value);
  }
  const Graph graph = model->graph.cut(names).value();
  const auto executable = backend.compile(graph, model->parameters, {});
  if (!executable) {
    return std::unexpected(executable.error());
  }
  const auto expected = read_safetensors(folder / "expected.safetensors").value().tensors;
  const Tensor& offsets = expected.at("offsets");
  Tensor positions(DType::kI32, expected.at("ids").shape());
  const auto starts = offsets.as<std::int32_t>();
  for (std::size_t text = 0; text + 1 < starts.size(); ++text) {
    for (std::int32_t i = starts[text]; i < starts[text + 1]; ++i) {
      positions.mutable_as<std::int32_t>()[static_cast<std::size_t>(i)] = i - starts[text];
    }
  }
  std::vector<Feed> inputs{{"input_ids", expected.at("ids")}, {"position_ids", positions}, {"offsets", offsets}};
  if (expected.contains("ranges")) {
    inputs.push_back({std::string(kTextRangesInput), expected.at("ranges")});
  }
  const auto outputs = (*executable)->run(inputs);
  if (!outputs) {
    return std::unexpected(outputs.error());
  }
  double worst = 0.0;
  for (std::size_t i = 0; i < golden.values.size(); ++i) {
    const Tensor& wanted = expected.at(golden.values[i].tensor);
    EXPECT_EQ((*outputs)[i].shape(), wanted.shape()) << golden.values[i].value;
    for (std::size_t k = 0; k < wanted.element_count(); ++k) {
      const double difference =
          std::abs(static_cast<double>((*outputs)[i].as<float>()[k]) - static_cast<double>(wanted.as<float>()[k]));
      worst = std::max(worst, std::isnan(difference) ? INFINITY : difference / golden.values[i].tolerance);
    }
  }
  return worst;
}

std::vector<std::unique_ptr<Backend>> backends() {
  std::vector<std::unique_ptr<Backend>> all;
  all.push_back(make_reference_backend());
  all.push_back(make_openvino_backend());
  return all;
}

class TextModelGolden : public testing::TestWithParam<GoldenCase> {};

TEST_P(TextModelGolden, every_hidden_state_is_within_the_noise_of_the_original) {
  for (const auto& backend : backends()) {
    const auto worst = worst_ratio(GetParam(), read_config(GetParam().name), *backend);
    ASSERT_TRUE(worst) << worst.error().to_string();
    EXPECT_LE(*worst, 1.0) << backend->name();
  }
}

INSTANTIATE_TEST_SUITE_P(All, TextModelGolden, testing::ValuesIn(golden_cases()), case_name);

TEST(TextModelGoldens, cover_every_model_type) {
  std::vector<std::string> families;
  for (const GoldenCase& golden : golden_cases()) {
    families.push_back(golden.family);
  }
  for (const std::string_view family : text_families()) {
    EXPECT_GT(std::ranges::count(families, family), 0) << family;
  }
}

// What the tolerance is worth: one wrong attribute and the same comparison fails.
struct Ablation {
  std::string name;
  std::string golden;
  std::string key;
  Json wrong;
};

class TextModelAblation : public testing::TestWithParam<Ablation> {};

TEST_P(TextModelAblation, is_far_outside_the_tolerance) {
  const auto cases = golden_cases();
  const auto golden = std::ranges::find(cases, GetParam().golden, &GoldenCase::name);
  ASSERT_NE(golden, cases.end());
  Json config = read_config(golden->name);
  ASSERT_NE(config[GetParam().key], GetParam().wrong);
  config[GetParam().key] = GetParam().wrong;
  for (const auto& backend : backends()) {
    const auto worst = worst_ratio(*golden, config, *backend);
    ASSERT_TRUE(worst) << worst.error().to_string();
    EXPECT_GT(*worst, 2.0) << backend->name();
  }
}

INSTANTIATE_TEST_SUITE_P(All, TextModelAblation,
                         testing::Values(Ablation{"epsilon_too_small", "bert_epsilon", "layer_norm_eps", 1e-12},
                                         Ablation{"epsilon_too_large", "bert", "layer_norm_eps", 1e-5},
                                         Ablation{"tanh_gelu_for_erf_gelu", "bert", "hidden_act", "gelu_new"},
                                         Ablation{"erf_gelu_for_tanh_gelu", "bert_gelu_new", "hidden_act", "gelu"},
                                         Ablation{"quick_gelu_for_gelu", "bert", "hidden_act", "quick_gelu"},
                                         Ablation{"relu_for_silu", "bert_silu", "hidden_act", "relu"},
                                         Ablation{"head_count", "bert", "num_attention_heads", 2},
                                         Ablation{"first_position", "roberta_padding", "pad_token_id", 1},
                                         Ablation{"distilbert_activation", "distilbert", "activation", "gelu_new"}),
                         case_name);

Result<TextModel> build_tower(const std::string& name) {
  const std::filesystem::path folder = kFolder / name;
  auto tensors = read_checkpoint(folder);
  return tensors ? build_text_model(read_config(name), std::move(*tensors), folder.string())
                 : std::unexpected(tensors.error());
}

TEST(TextTowers, say_which_token_ends_a_text_and_how_long_it_must_be) {
  const auto clip = build_tower("clip");
  const auto legacy = build_tower("clip_legacy_end");
  const auto siglip = build_tower("siglip");
  ASSERT_TRUE(clip && legacy && siglip);
  EXPECT_EQ(clip->end.rule, TextEndRule::kFirstOfToken);
  EXPECT_EQ(clip->end.token, 57);
  EXPECT_EQ(clip->fixed_token_count, 0);
  EXPECT_EQ(legacy->end.rule, TextEndRule::kHighestToken);
  EXPECT_EQ(siglip->end.rule, TextEndRule::kLastToken);
  EXPECT_EQ(siglip->fixed_token_count, 12);
  EXPECT_EQ(siglip->pad_token, 1);
  for (const auto* model : {&*clip, &*legacy, &*siglip}) {
    EXPECT_EQ(model->pooled, kTextPooled);
    EXPECT_FALSE(model->logit_scale.log_scale) << "a tower alone has none";
  }
}

TEST(TextTowers, of_a_checkpoint_of_both_have_its_logit_scale) {
  const auto clip = build_tower("clip_both_towers");
  const auto siglip = build_tower("siglip_both_towers");
  ASSERT_TRUE(clip && siglip);
  EXPECT_TRUE(clip->logit_scale.log_scale);
  EXPECT_FALSE(clip->logit_scale.bias);
  EXPECT_TRUE(siglip->logit_scale.log_scale);
  EXPECT_TRUE(siglip->logit_scale.bias);
}

TEST(TextTowers, are_told_apart_by_causality) {
  for (const GoldenCase& golden : golden_cases()) {
    if (golden.name == "siglip") {
      Json config = read_config(golden.name);
      config["model_type"] = "clip_text_model";
      config["eos_token_id"] = 57;
      EXPECT_FALSE(worst_ratio(golden, config, *make_reference_backend())) << "CLIP has no head of that name";
    }
  }
}

}  // namespace
}  // namespace asterism
