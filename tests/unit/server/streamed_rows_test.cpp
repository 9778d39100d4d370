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

// `broken`: what the body breaks off with in place of its end.
Read read(const HttpRequest& request, std::string_view body, std::size_t piece_size = 5000,
          const std::optional<Error>& broken = {}) {
  const auto upload = std::make_shared<UploadStream>(std::size_t{1} << 30);
  for (std::size_t begin = 0; begin < body.size(); begin += piece_size) {
    EXPECT_TRUE(upload->write(body.substr(begin, piece_size), {}));
  }
  if (broken) {
    upload->break_off(*broken);
  } else {
    upload->end();
  }
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

TEST(StreamedRows, jsonl_and_csv_are_read_as_files_are) {
  const Read jsonl = read(head("application/x-ndjson; charset=utf-8", "source=s"),
                          "{\"id\":\"a\",\"text\":\"x\",\"p\":1}\n{broken\n{\"text\":\"y\"}\n");
  ASSERT_EQ(jsonl.rows.size(), 3U);
  EXPECT_EQ(jsonl.rows[0].id, "a");
  EXPECT_EQ(jsonl.rows[0].metadata, "{\"p\":1}");
  ASSERT_TRUE(jsonl.rows[1].error);
  EXPECT_NE(jsonl.rows[1].error->message.find("s:2"), std::string::npos) << jsonl.rows[1].error->message;
  EXPECT_EQ(jsonl.rows[2].line, 3U);
  EXPECT_EQ(jsonl.rows[2].source, "s");
  const Read csv = read(head("Text/CSV", "column=body&id_column=key&metadata=none"), "key,body,p\nk1,hello,2\n");
  ASSERT_EQ(csv.rows.size(), 1U);
  EXPECT_EQ(csv.rows[0].id, "k1");
  EXPECT_EQ(csv.rows[0].payload.bytes, "hello");
  EXPECT_EQ(csv.rows[0].metadata, "{}");
}

constexpr std::string_view kFormType = "multipart/form-data; boundary=X";

std::string part(std::string_view disposition, std::string_view data) {
  return fmt::format("--X\r\nContent-Disposition: form-data; {}\r\n\r\n{}\r\n", disposition, data);
}

TEST(StreamedRows, pictures_of_a_form_come_with_the_metadata_before_them) {
  const std::string a = "\r\n--\r\nA\r\n--";  // as if a delimiter began
  const std::string form = part("name=\"metadata\"", R"({"a.png":{"p":1}})") + part("name=\"comment\"", "no picture") +
                           part("name=\"f\"; filename=\"a.png\"", a) + part("name=\"f\"; filename=\"b.png\"", "BB") +
                           "--X--\r\nnobody's\r\n";
  for (const std::size_t piece_size : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}}) {
    const Read found = read(head(kFormType), form, piece_size);
    ASSERT_FALSE(found.error) << found.error->message;
    ASSERT_EQ(found.rows.size(), 2U);
    EXPECT_EQ(found.rows[0].id, "a.png");
    EXPECT_EQ(found.rows[0].payload.kind, PayloadKind::kImage);
    EXPECT_EQ(found.rows[0].payload.bytes, a);
    EXPECT_EQ(found.rows[0].metadata, "{\"p\":1}");
    EXPECT_EQ(found.rows[1].payload.bytes, "BB");
    EXPECT_EQ(found.rows[1].metadata, "{}");
  }
  const auto packed = encode_content(form, "gzip");
  ASSERT_TRUE(packed);
  EXPECT_EQ(read(head(kFormType, "", "gzip"), *packed, 11).rows.size(), 2U);
}

TEST(StreamedRows, forms_that_are_wrong_say_so_behind_what_was_right) {
  const std::string picture = part("name=\"f\"; filename=\"a.png\"", "A");
  const auto error_of = [](std::string_view form) {
    const Read found = read(head(kFormType), form);
    EXPECT_TRUE(found.error);
    return found.error ? found.error->message : std::string();
  };
  EXPECT_NE(error_of(picture + part("name=\"metadata\"", "{}") + "--X--\r\n").find("before the first picture"),
            std::string::npos);
  EXPECT_NE(error_of(part("name=\"metadata\"", "[1]") + picture + "--X--\r\n").find("metadata"), std::string::npos);
  EXPECT_NE(error_of("--X\r\n\r\n\r\n--X--\r\n").find("found none"), std::string::npos);
  EXPECT_NE(error_of("no form").find("boundary"), std::string::npos);
  const Read cut = read(head(kFormType), picture + part("name=\"f\"; filename=\"b.png\"", "B"));
  EXPECT_EQ(cut.rows.size(), 1U);
  ASSERT_TRUE(cut.error);
  EXPECT_NE(cut.error->message.find("part 2"), std::string::npos) << cut.error->message;
}

TEST(StreamedRows, a_picture_past_the_limit_costs_itself) {
  std::string form = part("name=\"f\"; filename=\"large.png\"", std::string(kUploadPictureSizeBytesMax + 1, 'a'));
  form += part("name=\"f\"; filename=\"full.png\"", std::string(kUploadPictureSizeBytesMax, 'b')) + "--X--\r\n";
  const Read found = read(head(kFormType), form, std::size_t{1} << 20);
  ASSERT_FALSE(found.error) << found.error->message;
  ASSERT_EQ(found.rows.size(), 2U);
  ASSERT_TRUE(found.rows[0].error);
  EXPECT_EQ(found.rows[0].error->code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(found.rows[0].id, "large.png");
  EXPECT_FALSE(found.rows[1].error);
  EXPECT_EQ(found.rows[1].payload.bytes.size(), kUploadPictureSizeBytesMax);
}

std::string tar_member(std::string_view name, std::string_view data) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(100, 7, "0000644");
  const std::string size = fmt::format("{:011o}", data.size());
  header.replace(124, size.size(), size);
  header.replace(148, 8, "        ");
  header[156] = '0';
  unsigned sum = 0;
  for (const char c : header) {
    sum += static_cast<unsigned char>(c);
  }
  header.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  std::string out = header + std::string(data);
  out.resize((out.size() + 511) / 512 * 512);
  return out;
}

TEST(StreamedRows, pictures_of_an_archive_with_padding_behind_it) {
  const std::string archive = tar_member("c/a.png", "AAA") + tar_member("c/a.txt", "x") + tar_member("c/b.png", "BB");
  for (const std::size_t piece_size : {std::size_t{1}, std::size_t{700}, std::size_t{100'000}}) {
    const Read found = read(head("application/x-tar"), archive + std::string(20'480, '\0'), piece_size);
    ASSERT_FALSE(found.error) << found.error->message;
    ASSERT_EQ(found.rows.size(), 2U);
    EXPECT_EQ(found.rows[0].source, "archive:c/a.png");
    EXPECT_EQ(found.rows[0].payload.bytes, "AAA");
    EXPECT_EQ(found.rows[1].id, "c/b");
  }
  EXPECT_EQ(read(head("application/x-tar", "source=mine"), archive).rows.front().source, "mine:c/a.png");
  const Read damaged = read(head("application/x-tar"), archive + std::string(512, 'z'));
  EXPECT_FALSE(damaged.error);
  ASSERT_EQ(damaged.rows.size(), 3U);
  EXPECT_TRUE(damaged.rows.back().error) << "damage of the archive is a row";
}

TEST(StreamedRows, pictures_whose_body_breaks_off_end_with_that) {
  const Error gone{ErrorCode::kUsage, "the client has gone", {}};
  const std::string archive = tar_member("a.png", "AAA") + tar_member("b.png", std::string(2000, 'b'));
  const std::string form = part("name=\"f\"; filename=\"a.png\"", "A") + part("name=\"f\"; filename=\"b.png\"", "B");
  // Into the data of the second picture, not only into the padding behind it.
  for (const auto& [type, body] : {std::pair{std::string_view("application/x-tar"), archive.substr(0, 2000)},
                                   {kFormType, form.substr(0, form.size() - 3)}}) {
    const Read found = read(head(type), body, 100, gone);
    EXPECT_EQ(found.rows.size(), 1U) << type;
    ASSERT_TRUE(found.error);
    EXPECT_EQ(found.error->message, gone.message);
  }
}

TEST(StreamedRows, one_picture_has_the_id_of_the_query) {
  HttpRequest request = head("image/png", "id=x");
  request.body = "AAA";
  const auto rows = open_picture_row(request);
  ASSERT_TRUE(rows);
  const auto row = (*rows)->next();
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->id, "x");
  EXPECT_EQ((*row)->payload.bytes, "AAA");
  const auto end = (*rows)->next();
  EXPECT_TRUE(end && !*end);
  HttpRequest nameless = head("image/png");
  EXPECT_EQ(open_picture_row(nameless).error().code, ErrorCode::kInvalidArgument);
}

TEST(UploadFormat, is_told_by_the_content_type) {
  EXPECT_EQ(upload_format_of(head("Text/CSV; header=present"))->texts, TextFormat::kCsv);
  EXPECT_EQ(upload_format_of(head(kFormType))->boundary, "X");
  EXPECT_EQ(upload_format_of(head("application/x-tar"))->kind(), PayloadKind::kImage);
  EXPECT_EQ(upload_format_of(head("multipart/form-data")).error().code, ErrorCode::kInvalidArgument);
  const auto unknown = upload_format_of(head("application/pdf"));
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(unknown.error().message.find("application/pdf"), std::string::npos);
}

}  // namespace
}  // namespace asterism::server
