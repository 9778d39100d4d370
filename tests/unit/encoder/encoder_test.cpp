#include "asterism/encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "builtin/builtin.hpp"
#include "encoder/layers.hpp"
#include "model_folder.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::string_view kUsual = "sentence_transformers/old_mean_normalize";
constexpr std::string_view kStatic = "static/f32_normalize";

std::string golden(std::string_view name) {
  return std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/" + std::string(name);
}

EncoderOptions f32_options(std::size_t thread_count) {
  EncoderOptions options;
  options.precision = Precision::kF32;
  options.thread_count = thread_count;
  return options;
}

// Texts of many lengths, long ones among short ones.
std::vector<std::string> mixed_texts(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t word = 0; word < (i * 7) % 23; ++word) {
      text += (word % 3 == 0) ? "the river " : (word % 3 == 1) ? "and garden " : "train ";
    }
    texts.push_back(text + std::to_string(i));
  }
  return texts;
}

Embeddings encode(const std::string& model, const EncoderOptions& options, const std::vector<std::string>& texts) {
  auto encoder = Encoder::load(model, options);
  EXPECT_TRUE(encoder) << encoder.error().to_string();
  auto embeddings = encoder->encode(texts);
  EXPECT_TRUE(embeddings) << embeddings.error().to_string();
  return *std::move(embeddings);
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

class BothKinds : public testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(all, BothKinds, testing::Values(kUsual, kStatic),
                         [](const auto& model) { return model.param == kUsual ? "transformer" : "table"; });

TEST_P(BothKinds, no_texts_give_no_rows) {
  const Embeddings embeddings = encode(golden(GetParam()), f32_options(2), {});
  EXPECT_EQ(embeddings.row_count, 0U);
  EXPECT_TRUE(embeddings.values.empty());
  EXPECT_GT(embeddings.dim, 0U);
}

TEST_P(BothKinds, rows_stay_in_input_order) {
  const auto texts = mixed_texts(300);
  const Embeddings together = encode(golden(GetParam()), f32_options(2), texts);
  auto encoder = Encoder::load(golden(GetParam()), f32_options(1));
  ASSERT_TRUE(encoder);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{137}, std::size_t{299}}) {
    auto alone = encoder->encode(std::span(texts).subspan(i, 1));
    ASSERT_TRUE(alone);
    for (std::size_t d = 0; d < together.dim; ++d) {
      EXPECT_NEAR(alone->values[d], together.row(i)[d], 5e-6F) << texts[i];
    }
  }
}

TEST_P(BothKinds, thread_count_does_not_change_results) {
  const auto texts = mixed_texts(500);
  const Embeddings one = encode(golden(GetParam()), f32_options(1), texts);
  for (const std::size_t thread_count : {2U, 3U, 5U}) {
    const Embeddings several = encode(golden(GetParam()), f32_options(thread_count), texts);
    ASSERT_EQ(several.values.size(), one.values.size());
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      ASSERT_NEAR(several.values[i], one.values[i], 5e-6F);
    }
  }
}

TEST_P(BothKinds, calls_from_several_threads_agree) {
  auto encoder = Encoder::load(golden(GetParam()), f32_options(2));
  ASSERT_TRUE(encoder);
  const auto texts = mixed_texts(200);
  auto expected = encoder->encode(texts);
  ASSERT_TRUE(expected);
  std::vector<Result<Embeddings>> results(4, Embeddings{});
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) {
      threads.emplace_back([&] { result = encoder->encode(texts); });
    }
  }
  for (const auto& result : results) {
    ASSERT_TRUE(result);
    for (std::size_t i = 0; i < expected->values.size(); ++i) {
      ASSERT_NEAR(result->values[i], expected->values[i], 5e-6F);
    }
  }
}

TEST_P(BothKinds, odd_texts_have_finite_vectors) {
  const std::vector<std::string> texts{"",
                                       " \t\n ",
                                       std::string(1, '\0'),
                                       "\xff\xfe\x80",
                                       "\xf0\x9f\x98\x80",
                                       std::string(1 << 20, 'a'),
                                       std::string(1 << 20, ' ')};
  const Embeddings embeddings = encode(golden(GetParam()), f32_options(2), texts);
  for (const float value : embeddings.values) {
    ASSERT_TRUE(std::isfinite(value));
  }
}

TEST_P(BothKinds, megabyte_of_words_is_truncated_and_reported) {
  std::string text;
  while (text.size() < (1 << 20)) {
    text += "the river and the garden ";
  }
  const Embeddings embeddings = encode(golden(GetParam()), f32_options(1), {text, "short"});
  EXPECT_TRUE(embeddings.reports[0].truncated());
  EXPECT_GT(embeddings.reports[0].token_count_given, 100'000U);
  EXPECT_FALSE(embeddings.reports[1].truncated());
}

TEST_P(BothKinds, dim_cuts_before_normalising) {
  EncoderOptions options = f32_options(1);
  options.normalize = false;
  const Embeddings whole = encode(golden(GetParam()), options, {"the river"});
  options.normalize = true;
  options.dim = 4;
  const Embeddings cut = encode(golden(GetParam()), options, {"the river"});
  ASSERT_EQ(cut.dim, 4U);
  float square = 0.0F;
  for (std::size_t d = 0; d < 4; ++d) {
    square += whole.values[d] * whole.values[d];
  }
  for (std::size_t d = 0; d < 4; ++d) {
    EXPECT_NEAR(cut.values[d], whole.values[d] / std::sqrt(square), 1e-5F);
  }
}

TEST_P(BothKinds, dim_past_the_end_is_an_error) {
  EncoderOptions options = f32_options(1);
  options.dim = 10'000;
  auto encoder = Encoder::load(golden(GetParam()), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encoder.error().message, HasSubstr("10000"));
}

TEST(Encoder, batch_invariant_is_bit_equal_whatever_the_batch_and_the_threads) {
  EncoderOptions options = f32_options(1);
  options.batch_invariant = true;
  const auto texts = mixed_texts(120);
  const Embeddings one = encode(golden(kUsual), options, texts);
  options.thread_count = 3;
  const Embeddings three = encode(golden(kUsual), options, texts);
  EXPECT_TRUE(same_bits(one.values, three.values));
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_TRUE(encoder);
  for (std::size_t i = 0; i < texts.size(); i += 17) {
    auto alone = encoder->encode(std::span(texts).subspan(i, 1));
    ASSERT_TRUE(alone);
    EXPECT_TRUE(same_bits(alone->values, one.row(i))) << texts[i];
  }
}

TEST(Encoder, token_budget_does_not_change_results) {
  const auto texts = mixed_texts(200);
  EncoderOptions options = f32_options(2);
  const Embeddings usual = encode(golden(kUsual), options, texts);
  options.batch_token_budget = 7;  // shorter than most texts: each is a batch of its own
  const Embeddings fine = encode(golden(kUsual), options, texts);
  for (std::size_t i = 0; i < usual.values.size(); ++i) {
    ASSERT_NEAR(usual.values[i], fine.values[i], 5e-6F);
  }
}

TEST(Encoder, layer_cuts_the_graph_and_keeps_the_pooling) {
  EncoderOptions options = f32_options(1);
  options.layers = {"encoder.layer.0"};
  auto cut = Encoder::load(golden("sentence_transformers/dense_tanh"), options);
  ASSERT_TRUE(cut) << cut.error().to_string();
  EXPECT_LT(cut->info().op_count, cut->info().op_count_whole);
  EXPECT_EQ(cut->info().pooling, "mean");
  EXPECT_THAT(cut->info().warnings, testing::Contains(HasSubstr("2_Dense")));
  auto embeddings = cut->encode(std::vector<std::string>{"the river"});
  ASSERT_TRUE(embeddings);
  EXPECT_EQ(embeddings->dim, 32U);
}

TEST(Encoder, unknown_layer_is_not_found) {
  EncoderOptions options = f32_options(1);
  options.layers = {"encoder.layer.77"};
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kNotFound);
}

TEST(Encoder, parameter_as_layer_is_refused) {
  EncoderOptions options = f32_options(1);
  options.layers = {"embeddings.word_embeddings.weight"};
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
}

// Some are wider than the model (the feed-forward layers): the pooled vector is then as wide.
TEST(Encoder, layer_takes_every_value_that_is_listed) {
  const auto layers = list_layers(golden(kUsual));
  ASSERT_TRUE(layers) << layers.error().to_string();
  ASSERT_GT(layers->layers.size(), 10U);
  EXPECT_GT(layers->layers.back().multiply_adds, layers->layers.front().multiply_adds);
  std::set<std::size_t> widths;
  for (const LayerInfo& layer : layers->layers) {
    EncoderOptions options = f32_options(1);
    options.layers = {layer.name};
    const Embeddings embeddings = encode(golden(kUsual), options, {"the river", "a"});
    EXPECT_EQ(layer.shape, "[tokens, " + std::to_string(embeddings.dim) + "]") << layer.name;
    EXPECT_TRUE(std::ranges::all_of(embeddings.values, [](float value) { return std::isfinite(value); })) << layer.name;
    widths.insert(embeddings.dim);
  }
  EXPECT_GT(widths.size(), 1U);
}

TEST(Encoder, several_poolings_are_concatenated) {
  EncoderOptions options = f32_options(1);
  options.normalize = false;
  options.pooling = "cls+max";
  const Embeddings both = encode(golden(kUsual), options, {"the river"});
  options.pooling = "max";
  const Embeddings max = encode(golden(kUsual), options, {"the river"});
  ASSERT_EQ(both.dim, 2 * max.dim);
  for (std::size_t d = 0; d < max.dim; ++d) {
    EXPECT_NEAR(both.values[max.dim + d], max.values[d], 5e-6F);
  }
}

TEST(Encoder, unknown_pooling_and_prompt_are_named) {
  EncoderOptions options = f32_options(1);
  options.pooling = "median";
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encoder.error().message, HasSubstr("median"));
  options.pooling = "";
  options.prompt_name = "poem";
  encoder = Encoder::load(golden("sentence_transformers/prompt_default"), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(encoder.error().message, HasSubstr("task"));
}

TEST(Encoder, length_past_the_positions_names_both) {
  EncoderOptions options = f32_options(1);
  options.token_count_max = 65;  // the model has 64
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(encoder.error().message, testing::AllOf(HasSubstr("64"), HasSubstr("65")));
  options.token_count_max = 64;
  EXPECT_TRUE(Encoder::load(golden(kUsual), options));
  options.token_count_max = 2;  // [CLS] and [SEP]
  EXPECT_FALSE(Encoder::load(golden(kUsual), options));
}

TEST(Encoder, length_of_the_files_past_the_positions_is_a_mismatch) {
  const ModelFolder folder(kUsual);
  folder.set("sentence_bert_config.json", "max_seq_length", 100);
  auto encoder = Encoder::load(folder.string(), f32_options(1));
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(encoder.error().message, testing::AllOf(HasSubstr("max_seq_length"), HasSubstr("100"), HasSubstr("64")));
}

TEST(Encoder, nan_in_the_weights_names_the_tensor) {
  const ModelFolder folder(kUsual);
  std::vector<NamedTensor> tensors;
  {
    auto file = read_safetensors(folder.path() / "model.safetensors");
    ASSERT_TRUE(file);
    for (const auto& [name, tensor] : file->tensors) {
      Tensor copy(tensor.dtype(), tensor.shape());
      std::memcpy(copy.mutable_as<std::byte>().data(), tensor.bytes().data(), tensor.bytes().size());
      if (name.ends_with("encoder.layer.0.intermediate.dense.weight")) {
        copy.mutable_as<float>()[5] = std::numeric_limits<float>::quiet_NaN();
      }
      tensors.push_back({name, copy});
    }
  }
  ASSERT_TRUE(write_safetensors(folder.path() / "model.safetensors", tensors));
  auto encoder = Encoder::load(folder.string(), f32_options(1));
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(encoder.error().message, HasSubstr("intermediate.dense.weight"));
}

TEST(Encoder, config_that_disagrees_with_the_weights_is_a_mismatch) {
  const ModelFolder folder(kUsual);
  folder.set("config.json", "intermediate_size", 50);
  auto encoder = Encoder::load(folder.string(), f32_options(1));
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kMismatch) << encoder.error().to_string();
}

TEST(Encoder, dense_that_disagrees_with_its_weights_is_a_mismatch) {
  const ModelFolder folder("sentence_transformers/dense_tanh");
  folder.set("2_Dense/config.json", "bias", false);
  auto encoder = Encoder::load(folder.string(), f32_options(1));
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(encoder.error().message, HasSubstr("linear.bias"));
}

TEST(Encoder, bf16_stays_close_to_f32) {
  EncoderOptions options = f32_options(1);
  const auto texts = mixed_texts(20);
  const Embeddings exact = encode(golden(kUsual), options, texts);
  options.precision = Precision::kBF16;
  auto encoder = Encoder::load(golden(kUsual), options);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->info().precision, "bf16");
  auto rounded = encoder->encode(texts);
  ASSERT_TRUE(rounded);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    float dot = 0.0F;
    for (std::size_t d = 0; d < exact.dim; ++d) {
      dot += exact.row(i)[d] * rounded->row(i)[d];
    }
    EXPECT_GT(dot, 0.999F) << texts[i];
  }
}

TEST(StaticEncoder, tensor_of_another_name_is_named) {
  const ModelFolder folder(kStatic);
  auto file = read_safetensors(folder.path() / "model.safetensors");
  ASSERT_TRUE(file);
  const Tensor table = file->tensors.at("embeddings");
  ASSERT_TRUE(write_safetensors(folder.path() / "model.safetensors", {{"embeddings", table}, {"bias", table}}));
  auto encoder = Encoder::load(folder.string());
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(encoder.error().message, HasSubstr("bias"));
}

TEST(StaticEncoder, table_shorter_than_the_vocabulary_is_a_mismatch) {
  const ModelFolder folder(kStatic);
  Tensor table(DType::kF32, {3, 4});
  std::ranges::fill(table.mutable_as<float>(), 1.0F);
  ASSERT_TRUE(write_safetensors(folder.path() / "model.safetensors", {{"embeddings", table}}));
  auto encoder = Encoder::load(folder.string());
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kMismatch);
}

TEST(StaticEncoder, mapping_past_the_table_is_corrupt) {
  const ModelFolder folder("static/mapping_only");
  auto file = read_safetensors(folder.path() / "model.safetensors");
  ASSERT_TRUE(file);
  const Tensor table = file->tensors.at("embeddings").to_f32();
  Tensor mapping(DType::kI32, file->tensors.at("mapping").shape());
  std::ranges::fill(mapping.mutable_as<std::int32_t>(), static_cast<std::int32_t>(table.shape()[0]));
  ASSERT_TRUE(write_safetensors(folder.path() / "model.safetensors", {{"embeddings", table}, {"mapping", mapping}}));
  auto encoder = Encoder::load(folder.string());
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(encoder.error().message, HasSubstr("mapping"));
}

TEST(StaticEncoder, unknown_config_key_is_named) {
  const ModelFolder folder(kStatic);
  folder.set("config.json", "rotation", 90);
  auto encoder = Encoder::load(folder.string());
  ASSERT_FALSE(encoder);
  EXPECT_EQ(encoder.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(encoder.error().message, HasSubstr("rotation"));
}

TEST(StaticEncoder, builtin_model_tells_near_from_far) {
  auto encoder = Encoder::load(kBuiltinModel);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->dim(), 256U);
  EXPECT_TRUE(encoder->info().folder.empty());
  auto embeddings = encoder->encode(std::vector<std::string>{"a dog runs in the park", "a puppy plays on the grass",
                                                             "the bank raised interest rates"});
  ASSERT_TRUE(embeddings);
  const auto dot = [&](std::size_t a, std::size_t b) {
    float sum = 0.0F;
    for (std::size_t d = 0; d < embeddings->dim; ++d) {
      sum += embeddings->row(a)[d] * embeddings->row(b)[d];
    }
    return sum;
  };
  EXPECT_GT(dot(0, 1), dot(0, 2) + 0.2F);
}

TEST(ImageEncoder, builtin_image_model_has_small_weights_and_layers) {
  auto encoder = Encoder::load(kBuiltinImageModel);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->dim(), 1280U);
  EXPECT_TRUE(encoder->info().takes_images);
  EXPECT_FALSE(encoder->info().takes_texts);
  EXPECT_TRUE(encoder->info().folder.empty());
  EXPECT_THAT(encoder->info().image_shape, testing::ElementsAre(3, 128, 128));
  EXPECT_LT(builtin_image_model().weights.size(), 4'000'000U);
  const auto layers = list_layers(kBuiltinImageModel, {});
  ASSERT_TRUE(layers) << layers.error().to_string();
  EXPECT_EQ(layers->kind, ModelKind::kImage);
  EXPECT_TRUE(std::ranges::any_of(layers->layers, [](const LayerInfo& layer) {
    return layer.name == "penultimate" || std::ranges::count(layer.aliases, "penultimate") > 0;
  }));
  auto inner = Encoder::load(kBuiltinImageModel, {.layers = {"_blocks.10"}, .pooling = "avg"});
  ASSERT_TRUE(inner) << inner.error().to_string();
  EXPECT_EQ(inner->dim(), 112U);
}

}  // namespace
}  // namespace asterism
