#include "hub/model_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace asterism {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ModelFiles, configuration_tokenizer_and_safetensors_are_needed) {
  for (const char* path : {"config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                           "vocab.txt", "modules.json", "sentence_bert_config.json", "sentence_xlm-roberta_config.json",
                           "config_sentence_transformers.json", "preprocessor_config.json", "model.safetensors",
                           "model.safetensors.index.json", "model-00001-of-00010.safetensors", "1_Pooling/config.json",
                           "2_Dense/config.json", "2_Dense/model.safetensors", "0_StaticEmbedding/tokenizer.json"}) {
    EXPECT_TRUE(is_model_file(path)) << path;
  }
  for (const char* path :
       {"README.md", "pytorch_model.bin", "2_Dense/pytorch_model.bin", "onnx/model.onnx", "onnx/config.json",
        "tf_model.h5", "data_config.json", "train_script.py", "model-1-of-2.safetensors", "../config.json",
        "/config.json", "1_Pooling/../config.json", "a/b/config.json", "_Pooling/config.json", "1_/config.json", ""}) {
    EXPECT_FALSE(is_model_file(path)) << path;
  }
}

TEST(ModelFiles, weights_come_last) {
  const auto files = select_model_files(
      {"model.safetensors", "2_Dense/model.safetensors", "config.json", "model.safetensors.index.json",
       "model-00001-of-00002.safetensors", "README.md", "tokenizer.json"},
      "org/name");
  ASSERT_TRUE(files);
  EXPECT_THAT(*files, ElementsAre("config.json", "tokenizer.json", "2_Dense/model.safetensors", "model.safetensors"));
}

TEST(ModelFiles, missing_weights_are_told_from_other_formats) {
  EXPECT_THAT(select_model_files({"config.json", "flax_model.msgpack"}, "org/name").error().message,
              testing::HasSubstr("found only flax_model.msgpack"));
  EXPECT_THAT(select_model_files({"config.json"}, "org/name").error().message, testing::HasSubstr("found none"));
}

TEST(ModelFiles, folder_is_judged_by_what_its_modules_need) {
  const ScratchFolder folder;
  EXPECT_THAT(missing_model_files(folder.path()), ElementsAre("config.json", "tokenizer.json", "model.safetensors"));
  spill(folder / "config.json", "{}");
  spill(folder / "vocab.txt", "a");
  spill(folder / "model.safetensors", "x");
  EXPECT_THAT(missing_model_files(folder.path()), IsEmpty());
  spill(folder / "modules.json", R"([{"path":"","type":"t.Transformer"},{"path":"1_Pooling","type":"t.Pooling"},
    {"path":"2_Dense","type":"t.Dense"},{"path":"3_Normalize","type":"t.Normalize"}])");
  EXPECT_THAT(missing_model_files(folder.path()),
              ElementsAre("1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"));
}

TEST(ModelFiles, static_model_may_live_in_its_module_folder) {
  const ScratchFolder folder;
  spill(folder / "modules.json",
        R"([{"path":"0_StaticEmbedding","type":"sentence_transformers.models.StaticEmbedding"}])");
  EXPECT_THAT(missing_model_files(folder.path()), ElementsAre("tokenizer.json", "model.safetensors"));
  spill(folder / "0_StaticEmbedding/tokenizer.json", "{}");
  spill(folder / "0_StaticEmbedding/model.safetensors", "x");
  EXPECT_THAT(missing_model_files(folder.path()), IsEmpty());
}

TEST(ModelFiles, shards_are_counted_by_the_index) {
  const ScratchFolder folder;
  spill(folder / "config.json", "{}");
  spill(folder / "vocab.txt", "a");
  spill(folder / "model.safetensors.index.json",
        R"({"weight_map":{"a":"model-00001-of-00001.safetensors","b":"../x.safetensors"}})");
  EXPECT_THAT(missing_model_files(folder.path()), ElementsAre("../x.safetensors", "model-00001-of-00001.safetensors"));
  spill(folder / "model.safetensors.index.json", "{");
  EXPECT_THAT(missing_model_files(folder.path()), ElementsAre("model.safetensors.index.json"));
}

}  // namespace
}  // namespace asterism
