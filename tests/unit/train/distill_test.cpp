#include "train/distill.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "scratch_folder.hpp"
#include "tokenizer/tokenizer.hpp"
#include "train/static_vocabulary.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

const std::string kTeacher =
    std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/sentence_transformers/old_mean_normalize";

class Distill : public testing::Test {
 protected:
  DistillOptions options(std::size_t dim = 8) const {
    DistillOptions made;
    made.dim = dim;
    made.thread_count = 1;
    return made;
  }
  const ScratchFolder scratch_{"distill"};
  const fs::path folder_ = scratch_ / "model";
};

TEST_F(Distill, result_loads_and_embeds) {
  std::size_t last = 0;
  DistillOptions made = options();
  made.on_progress = [&](const DistillProgress& progress) { last = progress.token_count_done; };
  auto result = distill(kTeacher, folder_, made);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_GT(last, 0U);
  EXPECT_GT(result->explained_variance_ratio, 0.2);
  auto encoder = Encoder::load(folder_.string());
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->info().family, "static");
  EXPECT_TRUE(encoder->info().normalized);
  auto embeddings = encoder->encode(std::vector<std::string>{"the river", "garden"});
  ASSERT_TRUE(embeddings);
  EXPECT_EQ(embeddings->dim, 8U);
  float square = 0.0F;
  for (const float value : embeddings->row(0)) {
    square += value * value;
  }
  EXPECT_NEAR(square, 1.0F, 1e-5F);
}

TEST_F(Distill, same_teacher_gives_the_same_bytes) {
  ASSERT_TRUE(distill(kTeacher, folder_ / "a", options()));
  ASSERT_TRUE(distill(kTeacher, folder_ / "b", options()));
  for (const char* name : {"model.safetensors", "tokenizer.json", "config.json", "modules.json"}) {
    auto a = read_file(folder_ / "a" / name, 1 << 24);
    auto b = read_file(folder_ / "b" / name, 1 << 24);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b) << name;
  }
}

TEST_F(Distill, dropping_unreachable_tokens_changes_no_vector) {
  DistillOptions made = options();
  made.storage = StaticStorage::kF32;
  ASSERT_TRUE(distill(kTeacher, folder_ / "small", made));
  made.drop_unreachable = false;
  ASSERT_TRUE(distill(kTeacher, folder_ / "whole", made));
  auto small = Encoder::load((folder_ / "small").string());
  auto whole = Encoder::load((folder_ / "whole").string());
  ASSERT_TRUE(small && whole);
  const std::vector<std::string> texts{"the river is long", "Garden, train; [CLS] 42!",
                                       "caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87", ""};
  auto a = small->encode(texts);
  auto b = whole->encode(texts);
  ASSERT_TRUE(a && b);
  for (std::size_t i = 0; i < a->values.size(); ++i) {
    EXPECT_NEAR(a->values[i], b->values[i], 1e-6F);
  }
}

TEST_F(Distill, int8_stays_close_to_f32) {
  DistillOptions made = options();
  ASSERT_TRUE(distill(kTeacher, folder_ / "int8", made));
  made.storage = StaticStorage::kF32;
  ASSERT_TRUE(distill(kTeacher, folder_ / "f32", made));
  made.storage = StaticStorage::kF16;
  ASSERT_TRUE(distill(kTeacher, folder_ / "f16", made));
  const std::vector<std::string> texts{"the garden and the river"};
  std::vector<std::vector<float>> rows;
  for (const char* name : {"int8", "f32", "f16"}) {
    auto encoder = Encoder::load((folder_ / name).string());
    ASSERT_TRUE(encoder) << encoder.error().to_string();
    auto embeddings = encoder->encode(texts);
    ASSERT_TRUE(embeddings);
    rows.push_back(embeddings->values);
  }
  float int8_dot = 0.0F;
  float f16_dot = 0.0F;
  for (std::size_t d = 0; d < rows[0].size(); ++d) {
    int8_dot += rows[0][d] * rows[1][d];
    f16_dot += rows[2][d] * rows[1][d];
  }
  EXPECT_GT(int8_dot, 0.99F);
  EXPECT_GT(f16_dot, 0.99999F);
}

TEST_F(Distill, cancelled_leaves_nothing) {
  CancelFlag cancel;
  cancel.request();
  DistillOptions made = options();
  made.cancel = &cancel;
  auto result = distill(kTeacher, folder_, made);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(Distill, options_out_of_range_are_errors) {
  EXPECT_EQ(distill(kTeacher, folder_, options(0)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(distill(kTeacher, folder_, options(33)).error().code, ErrorCode::kInvalidArgument);
  DistillOptions made = options();
  made.sif_coefficient = 1.0;
  EXPECT_EQ(distill(kTeacher, folder_, made).error().code, ErrorCode::kInvalidArgument);
  made.sif_coefficient = -0.1;
  EXPECT_EQ(distill(kTeacher, folder_, made).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(Distill, static_teacher_is_refused) {
  const std::string table = std::string(ASTERISM_SOURCE_DIR) + "/tests/golden/static/f32";
  EXPECT_EQ(distill(table, folder_, options()).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(distill(kBuiltinModel, folder_, options()).error().code, ErrorCode::kUnsupported);
}

TEST(StaticVocabulary, special_and_unreachable_tokens_are_told_apart) {
  const std::string json = R"({"version":"1.0","truncation":null,"padding":null,
    "added_tokens":[{"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
      {"id":2,"content":"[UNK]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
      {"id":3,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
    "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
    "pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"decoder":null,
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
      "vocab":{"[PAD]":0,"[unused0]":1,"[UNK]":2,"[CLS]":3,"a":4,"##b":5,"##!":6,"B":7,"!":8}}})";
  auto tokenizer = Tokenizer::from_json_text(json, "test");
  ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
  std::vector<std::string> reachable;
  std::vector<std::string> unreachable;
  for (const VocabularyToken& token : select_vocabulary(*tokenizer)) {
    (token.reachable ? reachable : unreachable).emplace_back(tokenizer->token(token.id));
  }
  EXPECT_THAT(reachable, testing::ElementsAre("[UNK]", "a", "##b", "!"));
  EXPECT_THAT(unreachable, testing::ElementsAre("[PAD]", "##!", "B"));
}

}  // namespace
}  // namespace asterism
