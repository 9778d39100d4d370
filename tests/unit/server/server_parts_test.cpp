#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/json.hpp"
#include "scratch_folder.hpp"
#include "server/api_keys.hpp"
#include "server/content_coding.hpp"
#include "server/dialect.hpp"
#include "server/http_message.hpp"
#include "server/multipart.hpp"
#include "server/vector_writer.hpp"

namespace asterism::server {
namespace {

TEST(ContentCoding, gives_back_what_was_encoded_and_refuses_what_is_broken_or_too_large) {
  const std::string text(100'000, 'a');
  for (const std::string_view coding : {"gzip", "zstd"}) {
    const auto encoded = encode_content(text, coding);
    ASSERT_TRUE(encoded);
    EXPECT_LT(encoded->size(), text.size() / 10);
    EXPECT_EQ(decode_content(*encoded, coding, text.size()), text);
    EXPECT_EQ(decode_content(*encoded, coding, text.size() - 1).error().code, ErrorCode::kLimitExceeded);
    for (std::size_t size = 0; size < encoded->size(); ++size) {
      EXPECT_FALSE(decode_content(encoded->substr(0, size), coding, text.size())) << coding << " cut at " << size;
    }
  }
  EXPECT_EQ(decode_content("x", "br", 10).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(decode_content("x", "identity", 10), "x");
  EXPECT_EQ(choose_coding("gzip;q=0, zstd"), "zstd");
  EXPECT_EQ(choose_coding("gzip, deflate"), "gzip");
  EXPECT_EQ(choose_coding("br"), "");
}

TEST(HttpMessage, paths_match_patterns_segment_by_segment) {
  EXPECT_TRUE(path_matches("/", "/"));
  EXPECT_TRUE(path_matches("/v1/models", "/v1/m%6fdels"));
  EXPECT_FALSE(path_matches("/v1/models", "/v1/models/"));
  EXPECT_FALSE(path_matches("/v1/models", "/v1%2Fmodels"));
  constexpr std::string_view kItem = "/v1/collections/{name}/items/{id}";
  EXPECT_TRUE(path_matches(kItem, "/v1/collections/a/items/b%2Fc"));
  EXPECT_EQ(path_value(kItem, "/v1/collections/a%20x/items/b%2Fc", "name"), "a x");
  EXPECT_EQ(path_value(kItem, "/v1/collections/a/items/b%2Fc", "id"), "b/c");
  EXPECT_EQ(path_value(kItem, "/v1/collections/a/items/b", "other"), "");
  EXPECT_FALSE(path_matches(kItem, "/v1/collections//items/b"));
  EXPECT_FALSE(path_matches(kItem, "/v1/collections/a/items/b/c"));
  EXPECT_FALSE(path_matches(kItem, "/v1/collections/a/items"));
  EXPECT_FALSE(path_matches(kItem, ""));
}

TEST(Multipart, reads_names_files_and_bytes) {
  const std::string body =
      "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x \\\"y\\\".png\"\r\nContent-Type: "
      "image/png\r\n\r\n"
      "\x89PNG\r\n--X\r\n\r\n--XX\r\ncontent-disposition: form-data; name=b\r\n\r\n\r\n--XX--\r\n";
  const auto boundary = multipart_boundary("multipart/form-data; boundary=XX");
  ASSERT_TRUE(boundary);
  const auto parts = parse_multipart(body, *boundary);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].file_name, "x \"y\".png");
  EXPECT_EQ((*parts)[0].content_type, "image/png");
  EXPECT_EQ((*parts)[0].data, "\x89PNG\r\n--X\r\n");
  EXPECT_EQ((*parts)[1].name, "b");
  EXPECT_EQ((*parts)[1].data, "");
  for (std::size_t size = 0; size + 4 < body.size(); ++size) {
    EXPECT_FALSE(parse_multipart(body.substr(0, size), "XX")) << size;
  }
  EXPECT_FALSE(multipart_boundary("multipart/form-data"));
}

TEST(Multipart, takes_what_stands_around_its_parts_and_refuses_what_is_no_part) {
  const auto count = [](std::string_view body) -> int {
    const auto parts = parse_multipart(body, "X");
    return parts ? static_cast<int>(parts->size()) : -1;
  };
  EXPECT_EQ(count("--X--"), 0);
  EXPECT_EQ(count("a preamble\r\n--X\r\n\r\ndata\r\n--X--\r\nand more"), 1);
  EXPECT_EQ(count("--X  \r\na: b\r\n\r\n--X--"), 1) << "headers alone";
  EXPECT_EQ(count("--X\r\n" + std::string(20'000, 'h') + "\r\n\r\n\r\n--X--"), -1);
  std::string headers;
  for (int i = 0; i < 100; ++i) {
    headers += "a: b\r\n";
  }
  EXPECT_EQ(count("--X\r\n" + headers + "\r\n\r\n--X--"), -1);
  std::string many;
  for (std::size_t i = 0; i < kMultipartPartCountMax; ++i) {
    many += "--X\r\n\r\n\r\n";
  }
  EXPECT_EQ(count(many + "--X--"), static_cast<int>(kMultipartPartCountMax));
  EXPECT_EQ(parse_multipart(many + "--X\r\n\r\n\r\n--X--", "X").error().code, ErrorCode::kLimitExceeded);
}

TEST(ApiKeys, keys_have_scopes_and_rates) {
  ApiKeys keys({{.name = "reader", .secret = "reader-secret", .scope = Scope::kRead, .rate_max = 1.0},
                {.name = "owner", .secret = "owner-secret", .scope = Scope::kAdmin}});
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(keys.check("", Scope::kOpen, now).access, Access::kGranted);
  EXPECT_EQ(keys.check("", Scope::kRead, now).access, Access::kUnknownKey);
  EXPECT_EQ(keys.check("reader-secret", Scope::kRead, now).access, Access::kUnknownKey);
  EXPECT_EQ(keys.check("Bearer reader-secre", Scope::kRead, now).access, Access::kUnknownKey);
  EXPECT_EQ(keys.check("Bearer reader-secret", Scope::kWrite, now).access, Access::kScopeTooSmall);
  EXPECT_EQ(keys.check("bearer owner-secret", Scope::kAdmin, now).key_name, "owner");
  EXPECT_EQ(keys.check("Bearer reader-secret", Scope::kRead, now).access, Access::kGranted);
  EXPECT_EQ(keys.check("Bearer reader-secret", Scope::kRead, now).access, Access::kGranted);
  EXPECT_EQ(keys.check("Bearer reader-secret", Scope::kRead, now).access, Access::kRateExceeded);
  EXPECT_EQ(keys.check("Bearer reader-secret", Scope::kRead, now + std::chrono::seconds(1)).access, Access::kGranted);
}

TEST(ApiKeys, a_file_that_is_wrong_names_its_line) {
  const ScratchFolder folder("server");
  const auto path = folder.path() / "keys";
  std::ofstream(path) << "# keys\nreader read 0123456789 5.5\n\nowner admin abcdefghij\n";
  const auto keys = read_api_keys(path);
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].rate_max, 5.5);
  for (const char* line : {"a all 0123456789", "a read short", "a read 0123456789 -1", "a read 0123456789 x"}) {
    std::ofstream(path) << "# keys\n" << line << "\n";
    EXPECT_NE(read_api_keys(path).error().message.find(":2: "), std::string::npos) << line;
  }
  std::ofstream(path) << "# none\n";
  EXPECT_FALSE(read_api_keys(path));
}

TEST(VectorWriter, numbers_read_back_as_the_same_floats) {
  const std::vector<float> values{
      0.1F, -2.0F, 3e-5F, std::numeric_limits<float>::denorm_min(), 1e38F, -std::numeric_limits<float>::max()};
  std::string text;
  append_json_rows(text, values, 3);
  const auto json = parse_json(text, "test");
  ASSERT_TRUE(json);
  ASSERT_EQ(json->size(), 2U);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ((*json)[i / 3][i % 3].get<float>(), values[i]);
  }
  text.clear();
  append_json(text, std::vector<float>{std::nanf("")});
  EXPECT_EQ(text, "[null]");
  EXPECT_EQ(npy_header(2, 3).size() % 64, 0U);
  EXPECT_NE(npy_header(std::array<std::size_t, 3>{2, 3, 4}).find("'shape': (2, 3, 4)"), std::string::npos);
  EXPECT_EQ(little_endian_bytes(std::vector<float>{1.0F}), std::string("\x00\x00\x80\x3f", 4));
}

TEST(Exchange, a_refusal_says_when_there_is_room_where_that_is_known) {
  const Error overloaded{ErrorCode::kOverloaded, "Model is overloaded", ""};
  for (const int known : {0, 7}) {
    Exchange exchange({});
    exchange.set_retry_after(std::chrono::seconds(known));
    exchange.respond(error_response(Dialect::kTei, overloaded));
    HttpResponse answer;
    exchange.on_response([&](HttpResponse response) { answer = std::move(response); });
    ASSERT_EQ(answer.headers.size(), 1U);
    EXPECT_EQ(answer.headers[0].name, "retry-after");
    EXPECT_EQ(answer.headers[0].value, known == 0 ? "1" : "7");
  }
}

TEST(Dialect, each_says_the_same_error_in_its_own_form) {
  const Error overloaded{ErrorCode::kOverloaded, "Model is overloaded", ""};
  const auto tei = error_response(Dialect::kTei, overloaded);
  EXPECT_EQ(tei.status, 429);
  EXPECT_EQ(tei.body, R"({"error":"Model is overloaded","error_type":"Overloaded"})");
  EXPECT_EQ(tei.headers.at(0).name, "retry-after");
  const Error invalid{ErrorCode::kInvalidArgument, "m \xff", "h"};
  EXPECT_EQ(error_response(Dialect::kTei, invalid).status, 422);
  EXPECT_EQ(parse_json(error_response(Dialect::kOpenAi, invalid).body, "t")->at("error").at("type"),
            "invalid_request_error");
  EXPECT_EQ(parse_json(error_response(Dialect::kTeiOpenAi, invalid).body, "t")->at("code"), 422);
  EXPECT_EQ(parse_json(error_response(Dialect::kCohere, invalid).body, "t")->size(), 1U);
  EXPECT_EQ(error_response(Dialect::kTei, {ErrorCode::kInternal, "x", ""}).status, 424);
}

TEST(Exchange, answers_once_from_any_thread_and_tells_when_the_client_goes) {
  Exchange exchange(HttpRequest{});
  int gone = 0;
  exchange.on_client_gone([&] { ++gone; });
  exchange.client_gone();
  exchange.on_client_gone([&] { ++gone; });
  EXPECT_EQ(gone, 2);
  std::vector<int> statuses;
  exchange.respond({.status = 201});
  exchange.respond({.status = 500});
  exchange.on_response([&](const HttpResponse& response) { statuses.push_back(response.status); });
  EXPECT_EQ(statuses, std::vector<int>{201});
}

TEST(Query, values_are_decoded) {
  EXPECT_EQ(query_value("a=1&model=x%20y+z", "model"), "x y z");
  EXPECT_EQ(query_value("a", "b"), "");
  EXPECT_EQ(percent_decoded("%zz%4", true), "%zz%4");
}

TEST(Query, names_are_decoded_and_what_has_none_is_passed_by) {
  EXPECT_EQ(query_names("id_column=a&&meta%64ata=b=c&flag&=x"),
            (std::vector<std::string>{"id_column", "metadata", "flag"}));
  EXPECT_TRUE(query_names("").empty());
}

}  // namespace
}  // namespace asterism::server
