#include "models/vit_timm_traits.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/json.hpp"
#include "models/text_config.hpp"

namespace asterism {
namespace {

Json recorded() {
  return read_json_file(std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_models/timm_vits.json")
      .value();
}

TEST(TimmVitTraits, are_those_of_every_architecture_of_timm) {
  const std::map<std::string, VitPooling> poolings{
      {"token", VitPooling::kToken}, {"avg", VitPooling::kAverage}, {"map", VitPooling::kAttention}};
  const Json all = recorded();
  ASSERT_GT(all["architectures"].size(), 100U);
  for (const Json& row : all["architectures"]) {
    const auto name = row["architecture"].get<std::string>();
    if (name == "test_vit3") {
      continue;  // its attention looks at the class token too, which no published weights do
    }
    const auto traits = timm_vit_traits(name, Json::object(), row["width"].get<std::int64_t>(), "F");
    ASSERT_TRUE(traits) << name << ": " << traits.error().to_string();
    EXPECT_EQ(traits->head_count, row["heads"].get<std::int64_t>()) << name;
    EXPECT_EQ(traits->epsilon, row["epsilon"].get<double>()) << name;
    const auto activation = row["activation"].get<std::string>();
    EXPECT_EQ(traits->activation, activation_by_name(activation == "gelu_tanh" ? "gelu_new" : activation, "F").value())
        << name;
    EXPECT_EQ(traits->register_count, row["registers"].get<std::int64_t>()) << name;
    EXPECT_EQ(traits->pooling, poolings.at(row["global_pool"].get<std::string>())) << name;
  }
}

TEST(TimmVitTraits, refuse_another_block_under_the_same_names) {
  const auto traits = timm_vit_traits("vit_base_patch16_rpn_224", Json::object(), 768, "F");
  ASSERT_FALSE(traits);
  EXPECT_EQ(traits.error().code, ErrorCode::kUnsupported);
}

TEST(TimmVitTraits, let_the_configuration_override_the_name) {
  const Json config = Json::parse(
      R"({"global_pool": "avg", "model_args": {"num_heads": 3, "act_layer": "gelu_tanh", "drop_path_rate": 0.1}})");
  const auto traits = timm_vit_traits("vit_base_patch16_224", config, 48, "F");
  ASSERT_TRUE(traits) << traits.error().to_string();
  EXPECT_EQ(traits->head_count, 3);
  EXPECT_EQ(traits->activation, Activation::kGeluTanh);
  EXPECT_EQ(traits->pooling, VitPooling::kAverage);
}

TEST(TimmVitTraits, refuse_arguments_that_change_the_numbers) {
  for (const char* text : {R"({"model_args": {"norm_layer": "rmsnorm"}})",
                           R"({"model_args": {"pool_include_prefix": true}})", R"({"global_pool": "prr"})"}) {
    const auto traits = timm_vit_traits("vit_base_patch16_224", Json::parse(text), 768, "F");
    ASSERT_FALSE(traits) << text;
    EXPECT_EQ(traits.error().code, ErrorCode::kUnsupported) << text;
  }
}

TEST(TimmVitTraits, do_not_guess_the_heads_of_an_unknown_width) {
  const auto traits = timm_vit_traits("vit_base_patch16_224", Json::object(), 1200, "F");
  ASSERT_FALSE(traits);
  EXPECT_EQ(traits.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(traits.error().hint.find("num_heads"), std::string::npos);
}

}  // namespace
}  // namespace asterism
