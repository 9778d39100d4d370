#include "load/answer_reader.hpp"

#include <gtest/gtest.h>

namespace asterism::load {
namespace {

// However the bytes are cut.
AnswerState take_in_pieces(AnswerReader& reader, std::string_view bytes, std::size_t size) {
  AnswerState state = AnswerState::kPartial;
  for (; !bytes.empty() && state == AnswerState::kPartial; bytes.remove_prefix(std::min(size, bytes.size()))) {
    state = reader.take(bytes.substr(0, size));
  }
  return state;
}

TEST(AnswerReader, ReadsABodyWithALength) {
  const std::string_view answer = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\nretry-after: 1\r\n\r\nhello";
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, answer.size()}) {
    AnswerReader reader;
    ASSERT_EQ(take_in_pieces(reader, answer, size), AnswerState::kWhole);
    EXPECT_EQ(reader.status(), 429);
    EXPECT_EQ(reader.body(), "hello");
    EXPECT_TRUE(reader.keeps_alive());
  }
}

TEST(AnswerReader, ReadsChunks) {
  const std::string_view answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: Close\r\n\r\n"
      "5\r\nhello\r\nc;x=1\r\n, over\r\n the\r\n0\r\n\r\n";
  for (const std::size_t size : {std::size_t{1}, std::size_t{9}, answer.size()}) {
    AnswerReader reader;
    ASSERT_EQ(take_in_pieces(reader, answer, size), AnswerState::kWhole);
    EXPECT_EQ(reader.body(), "hello, over\r\n the");
    EXPECT_FALSE(reader.keeps_alive());
  }
}

TEST(AnswerReader, IsReadyForTheNextAfterReset) {
  AnswerReader reader;
  ASSERT_EQ(reader.take("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), AnswerState::kWhole);
  EXPECT_EQ(reader.body(), "");
  reader.reset();
  ASSERT_EQ(reader.take("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), AnswerState::kWhole);
  EXPECT_EQ(reader.body(), "ok");
}

TEST(AnswerReader, RefusesWhatIsNoAnswer) {
  for (const std::string_view bytes :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more", "HTTP/1.1 200 OK\r\ncontent-length\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok!!"}) {
    AnswerReader reader;
    EXPECT_EQ(reader.take(bytes), AnswerState::kBroken) << bytes;
  }
}

TEST(CountVectors, CountsInnermostArraysOfTheLengthInEveryDialect) {
  EXPECT_EQ(count_vectors("[[1,2,3],[4,5,6]]", 3), 2U);
  EXPECT_EQ(count_vectors("[[1,2,3],[4,5]]", 3), 1U);
  EXPECT_EQ(
      count_vectors(R"({"data":[{"embedding":[0.5,-1e-5],"index":0},{"embedding":[1,null]}],"model":"a,[1,2]"})", 2),
      2U);
  EXPECT_EQ(count_vectors(R"({"note":"a \" [1,2,3]","e":[1,2,3]})", 3), 1U);
  EXPECT_EQ(count_vectors("[]", 1), 0U);
  EXPECT_EQ(count_vectors("[7]", 1), 1U);
  EXPECT_EQ(count_vectors("[[[1,2],3],4]", 2), 1U);
  EXPECT_EQ(count_vectors("", 3), 0U);
}

}  // namespace
}  // namespace asterism::load
