#include "models/family.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace asterism {
namespace {

const auto case_name = [](const auto& test) { return test.param.name; };

using testing::AllOf;
using testing::HasSubstr;
using Tensors = std::map<std::string, Tensor>;

Json bert_config() {
  return Json::parse(R"({"model_type": "bert", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 12, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    "max_position_embeddings": 9, "type_vocab_size": 2})");
}

Json distilbert_config() {
  return Json::parse(R"({"model_type": "distilbert", "vocab_size": 11, "dim": 8, "n_layers": 2, "n_heads": 2,
    "hidden_dim": 12, "activation": "gelu", "max_position_embeddings": 9})");
}

Tensor filled(Shape shape, float value) {
  Tensor tensor(DType::kF32, std::move(shape));
  for (float& element : tensor.mutable_as<float>()) {
    element = value;
  }
  return tensor;
}

Tensors bert_tensors() {
  Tensors tensors;
  tensors["embeddings.word_embeddings.weight"] = filled({11, 8}, 0.1F);
  tensors["embeddings.position_embeddings.weight"] = filled({9, 8}, 0.1F);
  tensors["embeddings.token_type_embeddings.weight"] = filled({2, 8}, 0.1F);
  tensors["embeddings.LayerNorm.weight"] = filled({8}, 1.0F);
  tensors["embeddings.LayerNorm.bias"] = filled({8}, 0.0F);
  for (const std::string layer : {"encoder.layer.0.", "encoder.layer.1."}) {
    for (const std::string part :
         {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"}) {
      tensors[layer + part + ".weight"] = filled({8, 8}, 0.1F);
      tensors[layer + part + ".bias"] = filled({8}, 0.0F);
    }
    for (const std::string part : {"attention.output.LayerNorm", "output.LayerNorm"}) {
      tensors[layer + part + ".weight"] = filled({8}, 1.0F);
      tensors[layer + part + ".bias"] = filled({8}, 0.0F);
    }
    tensors[layer + "intermediate.dense.weight"] = filled({12, 8}, 0.1F);
    tensors[layer + "intermediate.dense.bias"] = filled({12}, 0.0F);
    tensors[layer + "output.dense.weight"] = filled({8, 12}, 0.1F);
    tensors[layer + "output.dense.bias"] = filled({8}, 0.0F);
  }
  return tensors;
}

Tensors distilbert_tensors() {
  Tensors tensors;
  tensors["embeddings.word_embeddings.weight"] = filled({11, 8}, 0.1F);
  tensors["embeddings.position_embeddings.weight"] = filled({9, 8}, 0.1F);
  tensors["embeddings.LayerNorm.weight"] = filled({8}, 1.0F);
  tensors["embeddings.LayerNorm.bias"] = filled({8}, 0.0F);
  for (const std::string layer : {"transformer.layer.0.", "transformer.layer.1."}) {
    for (const std::string part : {"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"}) {
      tensors[layer + part + ".weight"] = filled({8, 8}, 0.1F);
      tensors[layer + part + ".bias"] = filled({8}, 0.0F);
    }
    for (const std::string part : {"sa_layer_norm", "output_layer_norm"}) {
      tensors[layer + part + ".weight"] = filled({8}, 1.0F);
      tensors[layer + part + ".bias"] = filled({8}, 0.0F);
    }
    tensors[layer + "ffn.lin1.weight"] = filled({12, 8}, 0.1F);
    tensors[layer + "ffn.lin1.bias"] = filled({12}, 0.0F);
    tensors[layer + "ffn.lin2.weight"] = filled({8, 12}, 0.1F);
    tensors[layer + "ffn.lin2.bias"] = filled({8}, 0.0F);
  }
  return tensors;
}

TEST(Bert, has_every_module_of_the_original_by_name) {
  const auto model = build_text_model(bert_config(), bert_tensors(), "F");
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->family, "bert");
  EXPECT_EQ(model->hidden_size, 8);
  EXPECT_EQ(model->token_count_max, 9);
  EXPECT_EQ(model->vocabulary_size, 11);
  for (const char* name :
       {"embeddings", "embeddings.word_embeddings", "embeddings.LayerNorm", "encoder", "encoder.layer.0",
        "encoder.layer.1", "encoder.layer.0.attention", "encoder.layer.0.attention.self",
        "encoder.layer.0.attention.self.query", "encoder.layer.0.attention.output",
        "encoder.layer.0.attention.output.dense", "encoder.layer.0.intermediate", "encoder.layer.0.intermediate.dense",
        "encoder.layer.0.output", "encoder.layer.0.output.LayerNorm", "last_hidden_state"}) {
    EXPECT_TRUE(model->graph.find(name)) << name;
  }
  EXPECT_EQ(model->graph.find("encoder.layer.1").value(), model->graph.find("last_hidden_state").value());
  EXPECT_EQ(model->graph.find("encoder.layer.0").value(),
            model->graph.find("encoder.layer.0.output.LayerNorm").value());
}

TEST(Bert, cut_at_a_layer_removes_the_layers_after_it) {
  const auto model = build_text_model(bert_config(), bert_tensors(), "F");
  const Graph cut = model->graph.cut(std::vector<std::string>{"encoder.layer.0"}).value();
  constexpr std::size_t kOpsInEmbeddings = 5;
  constexpr std::size_t kOpsInLayer = 12;
  EXPECT_EQ(model->graph.op_count(), kOpsInEmbeddings + 2 * kOpsInLayer);
  EXPECT_EQ(cut.op_count(), kOpsInEmbeddings + kOpsInLayer);
}

TEST(DistilBert, has_every_module_of_the_original_by_name) {
  const auto model = build_text_model(distilbert_config(), distilbert_tensors(), "F");
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ(model->family, "distilbert");
  for (const char* name :
       {"embeddings", "transformer", "transformer.layer.0", "transformer.layer.0.attention",
        "transformer.layer.0.attention.q_lin", "transformer.layer.0.attention.out_lin",
        "transformer.layer.0.sa_layer_norm", "transformer.layer.0.ffn", "transformer.layer.0.ffn.lin1",
        "transformer.layer.1.output_layer_norm", "last_hidden_state"}) {
    EXPECT_TRUE(model->graph.find(name)) << name;
  }
}

TEST(Checkpoint, old_names_heads_and_buffers_are_understood) {
  Tensors tensors;
  for (auto& [name, tensor] : bert_tensors()) {
    std::string old = "bert." + name;
    if (const auto at = old.find("LayerNorm.weight"); at != std::string::npos) {
      old.replace(at, std::string::npos, "LayerNorm.gamma");
    }
    if (const auto at = old.find("LayerNorm.bias"); at != std::string::npos) {
      old.replace(at, std::string::npos, "LayerNorm.beta");
    }
    tensors.emplace(old, tensor);
  }
  for (const char* head :
       {"bert.pooler.dense.weight", "cls.predictions.bias", "classifier.weight", "qa_outputs.bias"}) {
    tensors.emplace(head, filled({3}, 0.0F));
  }
  tensors.emplace("bert.embeddings.position_ids", Tensor(DType::kI64, {1, 9}));
  const auto model = build_text_model(bert_config(), std::move(tensors), "F");
  EXPECT_TRUE(model) << model.error().to_string();
}

struct BadCheckpoint {
  std::string name;
  ErrorCode code;
  std::string expected;
  std::function<void(Tensors&)> damage;
};

class CheckpointError : public testing::TestWithParam<BadCheckpoint> {};

TEST_P(CheckpointError, names_the_tensor) {
  Tensors tensors = bert_tensors();
  GetParam().damage(tensors);
  const auto model = build_text_model(bert_config(), std::move(tensors), "FOLDER");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, GetParam().code) << model.error().to_string();
  EXPECT_THAT(model.error().message, AllOf(HasSubstr("FOLDER: "), HasSubstr(GetParam().expected)));
}

Tensor with_value(Shape shape, std::size_t index, float value) {
  Tensor tensor = filled(std::move(shape), 0.5F);
  tensor.mutable_as<float>()[index] = value;
  return tensor;
}

INSTANTIATE_TEST_SUITE_P(
    All, CheckpointError,
    testing::Values(
        BadCheckpoint{"missing", ErrorCode::kMismatch, "1 missing: encoder.layer.1.output.dense.bias",
                      [](Tensors& tensors) { tensors.erase("encoder.layer.1.output.dense.bias"); }},
        BadCheckpoint{"missing_token_types", ErrorCode::kMismatch, "1 missing: embeddings.token_type_embeddings.weight",
                      [](Tensors& tensors) { tensors.erase("embeddings.token_type_embeddings.weight"); }},
        BadCheckpoint{"misshaped_token_types", ErrorCode::kMismatch,
                      "\"embeddings.token_type_embeddings.weight\": expected [2, 8], found [1, 8]",
                      [](Tensors& tensors) {
                        tensors["embeddings.token_type_embeddings.weight"] = filled({1, 8}, 0.0F);
                      }},
        BadCheckpoint{"misshaped", ErrorCode::kMismatch,
                      "embeddings.word_embeddings.weight (expected [11, 8], found [12, 8])",
                      [](Tensors& tensors) {
                        tensors["embeddings.word_embeddings.weight"] = filled({12, 8}, 0.0F);
                      }},
        BadCheckpoint{"unknown", ErrorCode::kMismatch, "1 unknown: encoder.layer.0.lora.weight",
                      [](Tensors& tensors) { tensors["encoder.layer.0.lora.weight"] = filled({1}, 0.0F); }},
        BadCheckpoint{"layer_past_the_last", ErrorCode::kMismatch, "1 unknown: encoder.layer.2.output.dense.bias",
                      [](Tensors& tensors) { tensors["encoder.layer.2.output.dense.bias"] = filled({8}, 0.0F); }},
        BadCheckpoint{"two_names_of_one", ErrorCode::kMismatch, "both mean \"embeddings.LayerNorm.weight\"",
                      [](Tensors& tensors) { tensors["bert.embeddings.LayerNorm.gamma"] = filled({8}, 0.0F); }},
        BadCheckpoint{
            "nan", ErrorCode::kCorrupt,
            "\"embeddings.word_embeddings.weight\": expected finite values, found NaN or infinity at element 87 of "
            "[11, 8]",
            [](Tensors& tensors) {
              tensors["embeddings.word_embeddings.weight"] =
                  with_value({11, 8}, 87, std::numeric_limits<float>::quiet_NaN());
            }},
        BadCheckpoint{
            "infinity", ErrorCode::kCorrupt,
            "\"encoder.layer.0.output.dense.bias\": expected finite values, found NaN or infinity at element 0 of [8]",
            [](Tensors& tensors) {
              tensors["encoder.layer.0.output.dense.bias"] =
                  with_value({8}, 0, -std::numeric_limits<float>::infinity());
            }},
        BadCheckpoint{"nan_in_half", ErrorCode::kCorrupt, "at element 3 of [8]",
                      [](Tensors& tensors) {
                        Tensor half(DType::kF16, {8});
                        for (std::uint16_t& bits : half.mutable_as<std::uint16_t>()) {
                          bits = 0x3C00;
                        }
                        half.mutable_as<std::uint16_t>()[3] = 0x7E00;
                        tensors["embeddings.LayerNorm.bias"] = half;
                      }},
        BadCheckpoint{"integers", ErrorCode::kUnsupported,
                      "\"embeddings.LayerNorm.bias\": expected f64, f32, f16 or bf16, found i32",
                      [](Tensors& tensors) { tensors["embeddings.LayerNorm.bias"] = Tensor(DType::kI32, {8}); }}),
    case_name);

struct BadConfig {
  std::string name;
  ErrorCode code;
  std::string expected;
  std::function<void(Json&)> damage;
};

class ConfigError : public testing::TestWithParam<BadConfig> {};

TEST_P(ConfigError, names_key_and_value_before_any_allocation) {
  Json config = bert_config();
  GetParam().damage(config);
  const auto model = build_text_model(config, bert_tensors(), "FOLDER");
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, GetParam().code) << model.error().to_string();
  EXPECT_THAT(model.error().message, AllOf(HasSubstr("FOLDER: "), HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigError,
    testing::Values(
        BadConfig{"no_model_type", ErrorCode::kCorrupt, "\"model_type\" is missing",
                  [](Json& c) { c.erase("model_type"); }},
        BadConfig{"other_model_type", ErrorCode::kUnsupported,
                  "model_type \"t5\" is not implemented, expected one of bert, roberta, ",
                  [](Json& c) { c["model_type"] = "t5"; }},
        BadConfig{"huge_hidden", ErrorCode::kCorrupt, "\"hidden_size\": expected 1 to 65536, found 1099511627776",
                  [](Json& c) { c["hidden_size"] = std::int64_t{1} << 40; }},
        BadConfig{"hidden_one_past", ErrorCode::kCorrupt, "found 65537", [](Json& c) { c["hidden_size"] = 65537; }},
        BadConfig{"negative_heads", ErrorCode::kCorrupt, "\"num_attention_heads\": expected 1 to 65536, found -2",
                  [](Json& c) { c["num_attention_heads"] = -2; }},
        BadConfig{"zero_layers", ErrorCode::kCorrupt, "\"num_hidden_layers\": expected 1 to 512, found 0",
                  [](Json& c) { c["num_hidden_layers"] = 0; }},
        BadConfig{"layers_one_past", ErrorCode::kCorrupt, "found 513", [](Json& c) { c["num_hidden_layers"] = 513; }},
        BadConfig{"intermediate_one_past", ErrorCode::kCorrupt, "found 524289",
                  [](Json& c) { c["intermediate_size"] = 524289; }},
        BadConfig{"vocabulary_one_past", ErrorCode::kCorrupt, "found 16777217",
                  [](Json& c) { c["vocab_size"] = 16777217; }},
        BadConfig{"positions_one_past", ErrorCode::kCorrupt, "found 1048577",
                  [](Json& c) { c["max_position_embeddings"] = 1048577; }},
        BadConfig{"token_types_one_past", ErrorCode::kCorrupt, "found 1025",
                  [](Json& c) { c["type_vocab_size"] = 1025; }},
        BadConfig{"heads_do_not_divide", ErrorCode::kCorrupt,
                  "expected a multiple of \"num_attention_heads\" (3), found 8",
                  [](Json& c) { c["num_attention_heads"] = 3; }},
        BadConfig{"size_as_text", ErrorCode::kCorrupt, "\"vocab_size\": expected an integer",
                  [](Json& c) { c["vocab_size"] = "11"; }},
        BadConfig{"size_as_fraction", ErrorCode::kCorrupt, "\"vocab_size\": expected an integer",
                  [](Json& c) { c["vocab_size"] = 11.5; }},
        BadConfig{"activation", ErrorCode::kUnsupported, "activation \"mish\" is not implemented",
                  [](Json& c) { c["hidden_act"] = "mish"; }},
        BadConfig{"relative_positions", ErrorCode::kUnsupported,
                  "\"position_embedding_type\": expected \"absolute\", found \"relative_key\"",
                  [](Json& c) { c["position_embedding_type"] = "relative_key"; }},
        BadConfig{"decoder", ErrorCode::kUnsupported, "\"is_decoder\": expected false, found true",
                  [](Json& c) { c["is_decoder"] = true; }},
        BadConfig{"cross_attention", ErrorCode::kUnsupported, "\"add_cross_attention\"",
                  [](Json& c) { c["add_cross_attention"] = true; }},
        BadConfig{"embedding_size", ErrorCode::kUnsupported, "\"embedding_size\": expected 8, found 4",
                  [](Json& c) { c["embedding_size"] = 4; }},
        BadConfig{"negative_epsilon", ErrorCode::kCorrupt, "\"layer_norm_eps\": expected 0 to 1, found -1",
                  [](Json& c) { c["layer_norm_eps"] = -1; }},
        BadConfig{"not_an_object", ErrorCode::kCorrupt, "expected a JSON object", [](Json& c) { c = Json::array(); }}),
    case_name);

TEST(Config, missing_keys_have_the_original_defaults) {
  Json config = bert_config();
  config.erase("layer_norm_eps");
  config.erase("type_vocab_size");
  config.erase("hidden_act");
  const auto model = build_text_model(config, bert_tensors(), "F");
  ASSERT_TRUE(model) << model.error().to_string();
  const Graph& graph = model->graph;
  EXPECT_EQ(graph.value(graph.find("embeddings.LayerNorm").value()).attributes.epsilon, 1e-12);
  EXPECT_EQ(graph.value(graph.find("encoder.layer.0.intermediate").value()).attributes.activation,
            Activation::kGeluErf);
}

TEST(Config, every_accepted_activation_builds) {
  const std::map<std::string, Activation> known{{"gelu", Activation::kGeluErf},
                                                {"gelu_new", Activation::kGeluTanh},
                                                {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                                {"gelu_fast", Activation::kGeluTanh},
                                                {"quick_gelu", Activation::kGeluQuick},
                                                {"relu", Activation::kRelu},
                                                {"silu", Activation::kSilu},
                                                {"swish", Activation::kSilu},
                                                {"tanh", Activation::kTanh},
                                                {"sigmoid", Activation::kSigmoid},
                                                {"linear", Activation::kIdentity}};
  for (const auto& [name, activation] : known) {
    Json config = bert_config();
    config["hidden_act"] = name;
    const auto model = build_text_model(config, bert_tensors(), "F");
    ASSERT_TRUE(model) << name;
    EXPECT_EQ(model->graph.value(model->graph.find("encoder.layer.1.intermediate").value()).attributes.activation,
              activation)
        << name;
  }
}

}  // namespace
}  // namespace asterism
