#include "encoder/model_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "model_folder.hpp"

namespace asterism {
namespace {

using testing::HasSubstr;

constexpr std::string_view kUsual = "sentence_transformers/dense_tanh";

TEST(ModelLayout, usual_chain_is_read) {
  const ModelFolder folder(kUsual);
  auto layout = read_model_layout(folder.path());
  ASSERT_TRUE(layout) << layout.error().to_string();
  EXPECT_EQ(layout->kind, LayoutKind::kTransformer);
  ASSERT_EQ(layout->modules.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<PoolingModule>(layout->modules[0].module));
  EXPECT_EQ(std::get<DenseModule>(layout->modules[1].module).activation, Activation::kTanh);
  EXPECT_TRUE(std::holds_alternative<NormalizeModule>(layout->modules[2].module));
  EXPECT_EQ(layout->token_count_max, 24U);
}

struct BadFolder {
  std::string name;
  std::function<void(const ModelFolder&)> damage;
  ErrorCode code;
  std::vector<std::string> message_parts;
};

void PrintTo(const BadFolder& bad, std::ostream* out) {
  *out << bad.name;
}

class BadModelFolder : public testing::TestWithParam<BadFolder> {};

TEST_P(BadModelFolder, error_names_file_and_key) {
  const BadFolder& bad = GetParam();
  const ModelFolder folder(kUsual);
  bad.damage(folder);
  auto layout = read_model_layout(folder.path());
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, bad.code) << layout.error().to_string();
  for (const std::string& part : bad.message_parts) {
    EXPECT_THAT(layout.error().message, HasSubstr(part));
  }
}

std::string modules_with(const std::string& type, const std::string& path = "1_Pooling", const std::string& more = "") {
  return R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},)"
         R"({"idx":1,"name":"1","path":")" +
         path + R"(","type":")" + type + "\"" + more + "}]";
}

std::vector<BadFolder> bad_folders() {
  const auto set = [](std::string file, std::string key, Json value) {
    return [=](const ModelFolder& folder) { folder.set(file, key, value); };
  };
  const auto write = [](std::string file, std::string text) {
    return [=](const ModelFolder& folder) { folder.write(file, text); };
  };
  const auto pooling = "1_Pooling/config.json";
  const auto dense = "2_Dense/config.json";
  const auto settings = "sentence_bert_config.json";
  const auto library = "config_sentence_transformers.json";
  return {
      {"unknown_module",
       write("modules.json", modules_with("sentence_transformers.models.WordWeights")),
       ErrorCode::kUnsupported,
       {"modules.json", "WordWeights"}},
      {"remote_code",
       write("modules.json", modules_with("custom_st.Pooling")),
       ErrorCode::kUnsupported,
       {"modules.json", "custom_st.Pooling"}},
      {"path_outside",
       write("modules.json", modules_with("sentence_transformers.models.Pooling", "../other")),
       ErrorCode::kInvalidArgument,
       {"modules.json", "../other"}},
      {"module_arguments",
       write("modules.json",
             modules_with("sentence_transformers.models.Pooling", "1_Pooling", R"(,"kwargs":["task"])")),
       ErrorCode::kUnsupported,
       {"kwargs", "task"}},
      {"modules_empty", write("modules.json", "[]"), ErrorCode::kCorrupt, {"modules.json", "list of modules"}},
      {"modules_no_json", write("modules.json", "{"), ErrorCode::kCorrupt, {"modules.json"}},
      {"pooling_first",
       write("modules.json",
             R"([{"idx":0,"name":"0","path":"1_Pooling","type":"sentence_transformers.models.Pooling"}])"),
       ErrorCode::kUnsupported,
       {"Transformer or StaticEmbedding first"}},
      {"pooling_missing_file",
       [](const ModelFolder& folder) { folder.remove("1_Pooling"); },
       ErrorCode::kNotFound,
       {"1_Pooling"}},
      {"pooling_unknown_key",
       set(pooling, "pooling_mode_attention", true),
       ErrorCode::kUnsupported,
       {"1_Pooling/config.json", "pooling_mode_attention"}},
      {"pooling_unknown_mode",
       set(pooling, "pooling_mode", "median"),
       ErrorCode::kUnsupported,
       {"median", "pooling_mode"}},
      {"pooling_mode_of_other_type", set(pooling, "pooling_mode", 3), ErrorCode::kCorrupt, {"pooling_mode"}},
      {"pooling_no_mode", set(pooling, "pooling_mode", Json::array()), ErrorCode::kCorrupt, {"pooling_mode"}},
      {"dense_unknown_activation",
       set(dense, "activation_function", "torch.nn.modules.activation.Softsign"),
       ErrorCode::kUnsupported,
       {"2_Dense/config.json", "Softsign"}},
      {"dense_foreign_activation",
       set(dense, "activation_function", "mine.Tanh"),
       ErrorCode::kUnsupported,
       {"mine.Tanh"}},
      {"dense_unknown_key", set(dense, "dropout", 0.1), ErrorCode::kUnsupported, {"2_Dense/config.json", "dropout"}},
      {"dense_size_not_positive", set(dense, "out_features", 0), ErrorCode::kCorrupt, {"out_features"}},
      {"dense_other_input",
       set(dense, "module_input_name", "cls"),
       ErrorCode::kUnsupported,
       {"module_input_name", "cls"}},
      {"dense_on_tokens_after_pooling",
       set(dense, "module_input_name", "token_embeddings"),
       ErrorCode::kUnsupported,
       {"2_Dense", "token vectors"}},
      {"dense_other_output",
       set(dense, "module_output_name", "projected"),
       ErrorCode::kUnsupported,
       {"module_output_name", "projected"}},
      {"settings_unknown_key", set(settings, "window", 3), ErrorCode::kUnsupported, {settings, "window"}},
      {"settings_other_task",
       set(settings, "transformer_task", "fill-mask"),
       ErrorCode::kUnsupported,
       {"transformer_task", "fill-mask"}},
      {"settings_arguments",
       set(settings, "config_args", Json{{"num_hidden_layers", 1}}),
       ErrorCode::kUnsupported,
       {"config_args", "num_hidden_layers"}},
      {"settings_model_arguments",
       set(settings, "model_args", Json{{"dtype", "float16"}}),
       ErrorCode::kUnsupported,
       {"model_args", "dtype"}},
      {"settings_no_length", set(settings, "max_seq_length", 0), ErrorCode::kCorrupt, {"max_seq_length"}},
      {"settings_length_of_other_type",
       set(settings, "max_seq_length", "long"),
       ErrorCode::kCorrupt,
       {"max_seq_length"}},
      {"tokenizer_side",
       set("tokenizer_config.json", "truncation_side", "middle"),
       ErrorCode::kUnsupported,
       {"tokenizer_config.json", "middle"}},
      {"library_unknown_key", set(library, "chunk_overlap", 3), ErrorCode::kUnsupported, {library, "chunk_overlap"}},
      {"library_other_model", set(library, "model_type", "SparseEncoder"), ErrorCode::kUnsupported, {"SparseEncoder"}},
      {"library_default_prompt_unknown", set(library, "default_prompt_name", "poem"), ErrorCode::kCorrupt, {"poem"}},
      {"library_prompt_of_other_type",
       set(library, "prompts", Json{{"query", 1}}),
       ErrorCode::kCorrupt,
       {"prompts", "query"}},
      {"library_cut_to_nothing", set(library, "truncate_dim", 0), ErrorCode::kCorrupt, {"truncate_dim"}},
      {"nothing_there",
       [](const ModelFolder& folder) {
         folder.remove("modules.json");
         folder.remove("config.json");
       },
       ErrorCode::kNotFound,
       {"modules.json or config.json"}},
  };
}

INSTANTIATE_TEST_SUITE_P(all, BadModelFolder, testing::ValuesIn(bad_folders()),
                         [](const auto& bad) { return bad.param.name; });

TEST(ModelLayout, missing_folder_is_not_found) {
  auto layout = read_model_layout("/no/such/folder");
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, ErrorCode::kNotFound);
}

TEST(ModelLayout, dropout_does_nothing) {
  const ModelFolder folder(kUsual);
  folder.write("modules.json", R"([{"path":"","type":"sentence_transformers.models.Transformer"},)"
                               R"({"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},)"
                               R"({"path":"2_Dropout","type":"sentence_transformers.models.Dropout"}])");
  auto layout = read_model_layout(folder.path());
  ASSERT_TRUE(layout) << layout.error().to_string();
  EXPECT_EQ(layout->modules.size(), 1U);
}

TEST(ModelLayout, length_of_the_tokenizer_is_capped_and_1e30_is_no_length) {
  const ModelFolder folder(kUsual);
  folder.remove("sentence_bert_config.json");
  folder.set("tokenizer_config.json", "model_max_length", 30);
  auto layout = read_model_layout(folder.path());
  ASSERT_TRUE(layout) << layout.error().to_string();
  EXPECT_EQ(layout->token_count_max, 30U);
  EXPECT_TRUE(layout->token_count_max_capped);
  folder.set("tokenizer_config.json", "model_max_length", 1e30);
  layout = read_model_layout(folder.path());
  ASSERT_TRUE(layout) << layout.error().to_string();
  EXPECT_FALSE(layout->token_count_max);
}

}  // namespace
}  // namespace asterism
