#include "weights/word_vectors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/thread_pool.hpp"
#include "support.hpp"
#include "weights/word_vector_line.hpp"

namespace asterism {
namespace {

Result<WordVectors> parse(std::string_view text, WordVectorFormat format = WordVectorFormat::kText,
                          std::size_t thread_count = 2) {
  ThreadPool pool(thread_count);
  return parse_word_vectors(std::as_bytes(std::span(text)), format, "x", pool);
}

std::string error_of(std::string_view text, WordVectorFormat format = WordVectorFormat::kText) {
  const auto vectors = parse(text, format);
  return vectors ? "none" : vectors.error().message;
}

std::vector<std::string> words_of(const WordVectors& vectors) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < vectors.word_count(); ++i) {
    out.emplace_back(vectors.word(i));
  }
  return out;
}

std::vector<float> values_of(const WordVectors& vectors) {
  return {vectors.values.get(), vectors.values.get() + vectors.word_count() * vectors.dim};
}

TEST(WordVectors, files_of_gensim_are_read_whole) {
  const auto golden = read_json_file(golden_folder() / "word_vectors.json");
  ASSERT_TRUE(golden);
  ThreadPool pool(2);
  std::vector<float> expected;
  for (const Json& row : (*golden)["values"]) {
    const auto values = row.get<std::vector<float>>();
    expected.insert(expected.end(), values.begin(), values.end());
  }
  for (const char* name : {"word2vec.txt", "word2vec.bin", "glove.txt"}) {
    SCOPED_TRACE(name);
    const auto vectors = read_word_vectors(golden_folder() / name, pool);
    ASSERT_TRUE(vectors) << vectors.error().to_string();
    EXPECT_EQ(vectors->dim, 7U);
    EXPECT_EQ(words_of(*vectors), (*golden)["words"].get<std::vector<std::string>>());
    EXPECT_EQ(values_of(*vectors), expected);
  }
}

TEST(WordVectors, formats_are_told_apart) {
  EXPECT_EQ(word_vector_format(golden_folder() / "word2vec.bin"), WordVectorFormat::kBinary);
  EXPECT_EQ(word_vector_format(golden_folder() / "glove.txt"), WordVectorFormat::kText);
  EXPECT_EQ(word_vector_format(golden_folder() / "plain.safetensors"), std::nullopt);
  EXPECT_EQ(word_vector_format(golden_folder() / "missing.txt"), std::nullopt);
  const ScratchFolder folder;
  spill(folder / "text.bin", "1 2\na 0.5 1\n");
  EXPECT_EQ(word_vector_format(folder / "text.bin"), WordVectorFormat::kText);
}

TEST(WordVectors, lines_end_and_words_are_spelt_in_many_ways) {
  const auto vectors = parse(
      "\xEF\xBB\xBF"
      "3 2\r\na 1 -2 \r\n\nat x y 0.25 1e-3\nb\t+3\t.5");
  ASSERT_TRUE(vectors) << vectors.error().to_string();
  EXPECT_EQ(words_of(*vectors), (std::vector<std::string>{"a", "at x y", "b"}));
  EXPECT_EQ(values_of(*vectors), (std::vector<float>{1, -2, 0.25F, 1e-3F, 3, 0.5F}));
}

TEST(WordVectors, every_number_is_the_nearest_float) {
  for (const char* text : {"0.418", "-0.097889", "16777216", "16777217", "0.000000000012345", "1e-46", "3.4028235e38",
                           "0.1234567890123456789", "123456789.5", "-0", "0.0013406", "8388608.5", "5e-324", "-1.5E+2",
                           "0.99999999", "1677721.65", "00000000000000000000001"}) {
    std::vector<float> values(1);
    const std::string line = std::string("w ") + text;
    ASSERT_TRUE(words::parse_word_line(line, values)) << text;
    double wide = 0.0;
    std::from_chars(text, text + std::strlen(text), wide);
    float nearest = 0.0F;
    if (std::from_chars(text, text + std::strlen(text), nearest).ec != std::errc{}) {
      nearest = static_cast<float>(wide);
    }
    EXPECT_EQ(std::bit_cast<std::uint32_t>(values[0]), std::bit_cast<std::uint32_t>(nearest)) << text;
  }
}

TEST(WordVectors, many_lines_are_the_same_on_any_number_of_threads) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) {
    text += "word" + std::to_string(i) + " 0." + std::to_string(i) + " -" + std::to_string(i % 97) + ".5 1e-3\n";
  }
  ASSERT_GT(text.size(), std::size_t{8} << 20U) << "less than the chunks of several threads";
  const auto one = parse(text, WordVectorFormat::kText, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->word_count(), 300'000U);
  EXPECT_EQ(one->word(299'999), "word299999");
  for (const std::size_t threads : {2U, 3U}) {
    const auto many = parse(text, WordVectorFormat::kText, threads);
    ASSERT_TRUE(many);
    EXPECT_EQ(many->bytes, one->bytes);
    EXPECT_EQ(many->ends, one->ends);
    EXPECT_EQ(values_of(*many), values_of(*one));
  }
  text += "late 1 2\n";
  EXPECT_EQ(error_of(text), "x: line 300001: expected a word and 3 numbers, found 'late' and 2");
}

TEST(WordVectors, damaged_text_is_named_by_line) {
  EXPECT_EQ(error_of("a 1 2\nb 1\n"), "x: line 2: expected a word and 2 numbers, found 'b' and 1");
  EXPECT_EQ(error_of("a 1 2\nb 1 x\n"), "x: line 2: expected a finite number as number 2 of 2 after 'b', found 'x'");
  EXPECT_EQ(error_of("a 1 2\nb 1 nan\n"),
            "x: line 2: expected a finite number as number 2 of 2 after 'b', found 'nan'");
  EXPECT_EQ(error_of("a 1 2\nb -inf 2\n"),
            "x: line 2: expected a finite number as number 1 of 2 after 'b', found '-inf'");
  EXPECT_EQ(error_of("a 1 2\nb 1e39 2\n"),
            "x: line 2: expected a finite number as number 1 of 2 after 'b', found '1e39'");
  EXPECT_EQ(error_of("a 1 2\n 3 4\n"), "x: line 2: expected a word and 2 numbers, found none and 2");
  EXPECT_EQ(error_of("5 2\na 1 2\n"), "x: line 1: expected 5 words, as it says, found 1");
  EXPECT_EQ(error_of("1 2\na 1 2\nb 1 2\n"), "x: line 1: expected 1 words, as it says, found 2");
  EXPECT_EQ(error_of("9 3\na 1 2\n"), "x: line 2: expected a word and 3 numbers, found 'a' and 2");
  EXPECT_EQ(error_of(""), "x: line 1: expected a word and 1 to 16384 numbers, or two counts, found 0");
  EXPECT_EQ(error_of("\n"), "x: line 1: expected a word and 1 to 16384 numbers, or two counts, found 0");
  EXPECT_EQ(error_of("99999999999 16384\n"), "x: line 1: expected 99999999999 words, as it says, found 0");
}

TEST(WordVectors, long_lines_words_and_vectors_meet_their_limits) {
  const std::string line = "w " + std::string(kWordLineSizeBytesMax, '1');
  EXPECT_EQ(parse(line).error().code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(error_of("a 1\n" + line),
            "x: line 2: expected at most 1048576 bytes, found " + std::to_string(line.size()));
  EXPECT_EQ(error_of("a 1\n" + std::string(kWordSizeBytesMax + 1, 'w') + " 1\n"),
            "x: line 2: expected a word of at most 4096 bytes, found one of 4097");
  ASSERT_TRUE(parse("a 1\n" + std::string(kWordSizeBytesMax, 'w') + " 1\n"));
  std::string wide = "w";
  for (std::size_t i = 0; i < kWordVectorDimMax; ++i) {
    wide += " 1";
  }
  ASSERT_TRUE(parse(wide));
  EXPECT_EQ(parse(wide + " 1").error().code, ErrorCode::kLimitExceeded);
}

std::string floats(std::initializer_list<float> values) {
  std::string out(values.size() * sizeof(float), '\0');
  std::memcpy(out.data(), std::data(values), out.size());
  return out;
}

TEST(WordVectors, binary_files_are_read_with_and_without_newlines) {
  for (const char* end : {"", "\n"}) {
    const auto vectors =
        parse("2 2\na " + floats({1, 2}) + end + "bc " + floats({3, -4}) + end, WordVectorFormat::kBinary);
    ASSERT_TRUE(vectors) << vectors.error().to_string();
    EXPECT_EQ(words_of(*vectors), (std::vector<std::string>{"a", "bc"}));
    EXPECT_EQ(values_of(*vectors), (std::vector<float>{1, 2, 3, -4}));
  }
}

TEST(WordVectors, damaged_binary_files_are_named_by_word) {
  const auto binary = WordVectorFormat::kBinary;
  EXPECT_EQ(error_of("3 2\na " + floats({1, 2}) + "b " + floats({1, 2}), binary),
            "x: expected 3 words of 2 numbers, as the first line says, found room for 2");
  EXPECT_EQ(error_of("2 2\na " + floats({1, 2}) + "bcdefghijk", binary),
            "x: word 2: expected a word and a space, found the end of the file");
  EXPECT_EQ(error_of("2 2\na " + floats({1, 2}) + "bcdefg " + floats({1}), binary),
            "x: word 2: expected 8 bytes of numbers, found 4");
  EXPECT_EQ(error_of("1 2\na " + floats({1, INFINITY}), binary),
            "x: word 1: 'a': expected finite numbers, found NaN or infinity");
  EXPECT_EQ(error_of("1 2\na " + floats({1, 2}) + "rest", binary),
            "x: expected the end of the file after 1 words, found 4 bytes more");
  EXPECT_EQ(error_of("1 1\n" + std::string(kWordSizeBytesMax + 1, 'w') + " " + floats({1}), binary),
            "x: word 1: expected a word and a space, found neither");
  EXPECT_EQ(error_of("18446744073709551615 16384\n", binary),
            "x: expected 18446744073709551615 words of 16384 numbers, as the first line says, found room for 0");
  EXPECT_EQ(error_of("hello\n", binary),
            "x: expected a first line of two counts, words and numbers a word, found 'hello'");
}

}  // namespace
}  // namespace asterism
