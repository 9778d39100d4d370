#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/word_table.hpp"
#include "encoder/model_kind.hpp"
#include "encoder/word_case.hpp"
#include "scratch_folder.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

class WordModel : public testing::Test {
 protected:
  Result<Encoder> load(std::string_view text, const EncoderOptions& options = {}) const {
    const fs::path path = folder_ / "words.txt";
    std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
    return Encoder::load(path.string(), options);
  }

  ScratchFolder scratch_{"words"};
  fs::path folder_ = scratch_.path();
};

constexpr std::string_view kLower = "the 1 0\ncat 0 1\nsat 1 1\n, 0 -1\ncaf\xC3\xA9 4 4\n";

std::vector<float> row(const Result<Embeddings>& embeddings, std::size_t i = 0) {
  const auto values = embeddings->row(i);
  return {values.begin(), values.end()};
}

Result<Embeddings> encode(const Encoder& encoder, std::string_view text) {
  const std::string_view texts[] = {text};
  return encoder.encode(texts);
}

TEST_F(WordModel, a_text_is_the_mean_of_its_known_words) {
  const auto encoder = load(kLower);
  ASSERT_TRUE(encoder) << encoder.error().to_string();
  EXPECT_EQ(encoder->dim(), 2U);
  EXPECT_EQ(encoder->info().family, "word_vectors");
  EXPECT_EQ(row(encode(*encoder, "The cat sat")), (std::vector<float>{2.0F / 3, 2.0F / 3}));
  EXPECT_EQ(row(encode(*encoder, "CAFÉ")), (std::vector<float>{4, 4}));
  // "cat," is no word: it is parted at its punctuation. "!" is unknown punctuation, and nothing at all.
  const auto parted = encode(*encoder, "cat, dog-sat!");
  EXPECT_EQ(row(parted), (std::vector<float>{1.0F / 3, 1.0F / 3}));
  EXPECT_EQ(parted->reports[0].token_count_used, 3U);
  EXPECT_EQ(parted->reports[0].unknown_word_count, 1U);
  EXPECT_FALSE(parted->reports[0].truncated());
}

TEST_F(WordModel, a_text_without_known_words_is_zero_and_says_so) {
  const auto encoder = load(kLower);
  ASSERT_TRUE(encoder);
  for (const auto& [text, unknown] : {std::pair<std::string_view, std::uint32_t>{"", 0},
                                      {"dog", 1},
                                      {"\xFF\xFE", 1},
                                      {"  \xC2\xA0\n", 0},
                                      {"dog bird", 2}}) {
    const auto found = encode(*encoder, text);
    EXPECT_EQ(row(found), (std::vector<float>{0, 0})) << text;
    EXPECT_EQ(found->reports[0].unknown_word_count, unknown) << text;
    EXPECT_EQ(found->reports[0].token_count_used, 0U) << text;
  }
}

TEST_F(WordModel, case_is_the_vocabulary_s) {
  const auto lower = load(kLower);
  ASSERT_TRUE(lower);
  EXPECT_TRUE(lower->words()->lower_case());
  EXPECT_NE(lower->info().tokenizer.find("all in lower case"), std::string::npos);
  const auto both = load("Turkey 1 0\nturkey 0 1\n");
  ASSERT_TRUE(both);
  EXPECT_FALSE(both->words()->lower_case());
  EXPECT_EQ(row(encode(*both, "Turkey")), (std::vector<float>{1, 0}));
  EXPECT_EQ(row(encode(*both, "TURKEY")), (std::vector<float>{0, 1}));
  EXPECT_EQ(to_lower_case("ÀÉ\xC4\xB0Z\xFF"), "àéi\xCC\x87z\xEF\xBF\xBD");
}

TEST_F(WordModel, repeated_and_broken_words_are_left_out_and_counted) {
  const auto encoder = load("a 1 0\nb 2 0\na 3 0\n\xFF 4 0\nc 5 0\nb 6 0\n");
  ASSERT_TRUE(encoder);
  const WordTable& words = *encoder->words();
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words.word(2), "c");
  EXPECT_EQ(words.row(2)[0], 5.0F);
  EXPECT_EQ(words.find("a"), 0U);
  EXPECT_EQ(words.row(0)[0], 1.0F) << "the first of equal words counts";
  EXPECT_EQ(words.find("\xFF"), std::nullopt);
  EXPECT_EQ(words.repeated_count(), 2U);
  EXPECT_EQ(words.invalid_count(), 1U);
  ASSERT_EQ(encoder->info().warnings.size(), 2U);
  const auto none = load("\xFF 1 2\n");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("expected words in UTF-8"), std::string::npos);
}

TEST_F(WordModel, options_cut_scale_and_limit) {
  EncoderOptions options;
  options.dim = 1;
  const auto narrow = load(kLower, options);
  ASSERT_TRUE(narrow);
  EXPECT_EQ(row(encode(*narrow, "sat")), (std::vector<float>{1}));
  options = {};
  options.normalize = true;
  const auto normal = load(kLower, options);
  ASSERT_TRUE(normal);
  EXPECT_EQ(row(encode(*normal, "the cat , the")), (std::vector<float>{1, 0}));
  EXPECT_EQ(row(encode(*normal, "dog")), (std::vector<float>{0, 0}));
  options = {};
  options.token_count_max = 1;
  const auto first = load(kLower, options);
  ASSERT_TRUE(first);
  const auto cut = encode(*first, "cat sat");
  EXPECT_EQ(row(cut), (std::vector<float>{0, 1}));
  EXPECT_TRUE(cut->reports[0].truncated());
  options = {};
  options.dim = 3;
  EXPECT_FALSE(load(kLower, options));
  options = {};
  options.layers = {"x"};
  EXPECT_FALSE(load(kLower, options));
}

TEST_F(WordModel, tokens_are_words) {
  const auto encoder = load(kLower);
  ASSERT_TRUE(encoder);
  const auto pieces = encoder->token_pieces("The dog, sat", true);
  ASSERT_TRUE(pieces);
  ASSERT_EQ(pieces->size(), 3U);
  EXPECT_EQ((*pieces)[0].text, "the");
  EXPECT_EQ((*pieces)[1].text, ",");
  EXPECT_EQ((*pieces)[1].begin, 7U);
  EXPECT_EQ((*pieces)[2].id, 2U);
  const std::string_view texts[] = {"the cat"};
  const auto tokens = encoder->tokenize(texts);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->front().ids, (std::vector<std::uint32_t>{0, 1}));
  const std::vector<std::uint32_t> ids[] = {{0, 1}};
  EXPECT_EQ(row(encoder->encode_tokens(ids)), row(encode(*encoder, "the cat")));
  EXPECT_EQ(*encoder->decode(ids[0], true), "the cat");
  const std::vector<std::uint32_t> outside[] = {{5}};
  EXPECT_FALSE(encoder->encode_tokens(outside));
}

TEST_F(WordModel, many_texts_are_the_same_on_any_number_of_threads) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back(std::string(i % 2 != 0 ? "the " : "cat, ") + (i % 3 != 0 ? "sat" : "dog"));
  }
  std::vector<std::vector<float>> found;
  for (const std::size_t threads : {1U, 2U, 3U}) {
    EncoderOptions options;
    options.thread_count = threads;
    const auto encoder = load(kLower, options);
    ASSERT_TRUE(encoder);
    found.push_back(encoder->encode(texts)->values);
  }
  EXPECT_EQ(found[1], found[0]);
  EXPECT_EQ(found[2], found[0]);
}

TEST_F(WordModel, a_folder_of_vectors_and_words_is_a_model) {
  const fs::path golden = fs::path(ASTERISM_SOURCE_DIR) / "tests/unit/weights/golden";
  fs::copy_file(golden / "words_snappy.parquet", folder_ / "x_index.parquet");
  EXPECT_NE(model_kind(folder_).value_or(ModelKind::kText), ModelKind::kWords) << "words without vectors";
  fs::copy_file(golden / "fortran.npy", folder_ / "x_emb.npy");
  EXPECT_EQ(model_kind(folder_).value_or(ModelKind::kText), ModelKind::kWords);
  const auto mismatch = Encoder::load(folder_.string());
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().code, ErrorCode::kMismatch);
  EXPECT_NE(mismatch.error().message.find("found f32 [2, 3]"), std::string::npos) << mismatch.error().message;
}

}  // namespace
}  // namespace asterism
