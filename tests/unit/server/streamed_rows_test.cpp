// Files of rows that are read while they arrive: the same rows however they are cut, and names that stay theirs.
#include "server/streamed_rows.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.hpp"
#include "server/content_coding.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;

HttpRequest head(std::string_view type, std::string_view query = {}, std::string_view coding = {}) {
  HttpRequest out;
  out.query = query;
  out.headers = {{"content-type", std::string(type)}};
  if (!coding.empty()) {
    out.headers.push_back({"content-encoding", std::string(coding)});
  }
  return out;
}

struct Read {
  std::vector<Row> rows;
  std::optional<Error> error;
};

Read read(const HttpRequest& request, std::string_view body, std::size_t piece_size = 5000) {
  const auto upload = std::make_shared<UploadStream>(std::size_t{1} << 30);
  for (std::size_t begin = 0; begin < body.size(); begin += piece_size) {
    EXPECT_TRUE(upload->write(body.substr(begin, piece_size), {}));
  }
  upload->end();
  const CancelFlag cancel;
  Read out;
  auto reader = open_streamed_rows(request, upload, cancel);
  if (!reader) {
    out.error = reader.error();
    return out;
  }
  for (;;) {
    auto row = (*reader)->next();
    if (!row || !*row) {
      out.error = row ? std::nullopt : std::optional(row.error());
      return out;
    }
    out.rows.push_back(std::move(**row));
  }
}

std::string lines(std::size_t size_bytes) {
  std::string out;
  for (std::size_t i = 0; out.size() < size_bytes; ++i) {
    out += fmt::format("line {} of a long file\n", i);
  }
  return out;
}

std::string digest_of(std::string_view bytes) {
  return sha256_hex(std::as_bytes(std::span(bytes))).substr(0, 12);
}

TEST(StreamedRows, of_a_short_body_the_source_is_its_digest) {
  const std::string body = "a red coat\n\ntax law\n";
  const Read found = read(head("text/plain; charset=utf-8"), body, 3);
  ASSERT_FALSE(found.error);
  ASSERT_GE(found.rows.size(), 2U);
  EXPECT_EQ(found.rows.front().payload.bytes, "a red coat");
  EXPECT_EQ(found.rows.front().source, digest_of(body));
  EXPECT_EQ(found.rows.back().payload.bytes, "tax law");
  EXPECT_EQ(found.rows.back().line, 3U);
  EXPECT_EQ(read(head("text/plain", "source=mine"), body).rows.front().source, "mine");
  EXPECT_TRUE(read(head("text/plain"), "").rows.empty());
}

TEST(StreamedRows, of_a_long_body_each_block_has_its_own_after_those_before) {
  const std::string body = lines(3 * kBlock + 50'000);
  const Read found = read(head("text/plain"), body);
  ASSERT_FALSE(found.error);
  const std::string first = sha256_hex(std::as_bytes(std::span(body).first(kBlock)));
  EXPECT_EQ(found.rows.front().source, first.substr(0, 12));
  std::set<std::string> sources;
  std::set<std::string> names;
  std::string second;
  for (const Row& row : found.rows) {
    sources.insert(row.source);
    names.insert(fmt::format("{}:{}", row.source, row.line));
    if (second.empty() && row.source != found.rows.front().source) {
      second = row.source;
    }
  }
  EXPECT_EQ(sources.size(), 4U);  // a little more than three blocks
  EXPECT_EQ(names.size(), found.rows.size());
  EXPECT_EQ(second, digest_of(first + body.substr(kBlock, kBlock)));
  // However it is cut, and what goes on where another ends: the same names as far as they are the same.
  const Read again = read(head("text/plain"), body + "one more line\n", 65'537);
  ASSERT_EQ(again.rows.size(), found.rows.size() + 1);
  std::size_t same_count = 0;
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    EXPECT_EQ(again.rows[i].payload.bytes, found.rows[i].payload.bytes);
    same_count += again.rows[i].source == found.rows[i].source ? 1U : 0U;
  }
  EXPECT_GT(same_count, found.rows.size() * 8 / 10);  // all but those of the last block
  // Another file that begins alike takes no names of this one behind the difference.
  std::string other = body;
  other[2 * kBlock + 100] = '!';
  for (const Row& row : read(head("text/plain"), other).rows) {
    if (row.line > found.rows.size() * 3 / 4) {
      EXPECT_FALSE(names.contains(fmt::format("{}:{}", row.source, row.line)));
    }
  }
}

TEST(StreamedRows, packed_bodies_are_the_rows_of_what_is_in_them) {
  const std::string body = lines(8 * kBlock);
  const Read plain = read(head("text/plain"), body);
  for (const std::string_view coding : {"gzip", "zstd"}) {
    const auto packed = encode_content(body, coding);
    ASSERT_TRUE(packed);
    const Read found = read(head("text/plain", "", coding), *packed, 777);
    ASSERT_FALSE(found.error) << found.error->message;
    ASSERT_EQ(found.rows.size(), plain.rows.size());
    EXPECT_EQ(found.rows.back().source, plain.rows.back().source);
    EXPECT_EQ(found.rows.back().payload.bytes, plain.rows.back().payload.bytes);
    const Read cut = read(head("text/plain", "source=s", coding), packed->substr(0, packed->size() / 2));
    ASSERT_TRUE(cut.error);
    EXPECT_EQ(cut.error->code, ErrorCode::kCorrupt);
    EXPECT_GT(cut.rows.size(), 1000U) << "what came before the end is there";
    EXPECT_LT(cut.rows.size(), plain.rows.size());
    std::string flipped = *packed;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
    EXPECT_LE(read(head("text/plain", "source=s", coding), flipped).rows.size(), plain.rows.size());
  }
  EXPECT_EQ(read(head("text/plain", "", "br"), body).error->code, ErrorCode::kUnsupported);
}

TEST(StreamedRows, a_file_that_cannot_be_rows_is_the_request_s_fault) {
  const Read found = read(head("text/csv"), "a,b\n1,2\n");
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.error->code, ErrorCode::kInvalidArgument);
  const Read bad_rows = read(head("application/x-ndjson"), "{\"text\":\"red\",\"id\":\"a\"}\n{broken\n");
  ASSERT_EQ(bad_rows.rows.size(), 2U);
  EXPECT_FALSE(bad_rows.rows[0].error);
  EXPECT_TRUE(bad_rows.rows[1].error);
}

}  // namespace
}  // namespace asterism::server
