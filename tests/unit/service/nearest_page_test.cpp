#include "service/nearest_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/test_pattern.hpp"

namespace asterism::service {
namespace {

using testing::HasSubstr;
using testing::Not;

NearestResponse response_of(std::string name, std::string content) {
  NearestResponse response;
  response.model.model = "m<1>";
  response.row_kind = PayloadKind::kImage;
  response.row_count = 1;
  NearestQuery query;
  query.name = "<script>alert(1)</script>";
  query.nearest.push_back(
      {.score = 0.5F, .row = 0, .source = std::move(name), .line = 0, .id = "", .content = std::move(content)});
  response.queries.push_back(std::move(query));
  return response;
}

TEST(NearestPage, escapes_names_and_texts) {
  const std::string page = render_page(nearest_page(response_of("\"><b>'&.jpg", "no picture")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&quot;&gt;&lt;b&gt;&#39;&amp;.jpg"));
  EXPECT_THAT(page, HasSubstr("m&lt;1&gt;"));
}

TEST(NearestPage, shows_a_picture_that_decodes_and_the_name_alone_of_one_that_does_not) {
  const auto picture = test_pattern("disc", {.width = 2000, .height = 3});
  ASSERT_TRUE(picture);
  EXPECT_THAT(render_page(nearest_page(response_of("a.bmp", encode_bmp(*picture)))),
              HasSubstr("src=\"data:image/jpeg;base64,/9j/"));
  EXPECT_THAT(render_page(nearest_page(response_of("a.bmp", "BM"))), Not(HasSubstr("<img")));
}

TEST(NearestPage, text_is_cut_between_characters) {
  NearestResponse response = response_of("a.txt", "");
  response.row_kind = PayloadKind::kText;
  std::string text = "a";
  for (int i = 0; i < 400; ++i) {
    text += "\xC3\xA9";
  }
  response.queries[0].nearest[0].content = text;
  const std::string page = render_page(nearest_page(response));
  EXPECT_THAT(page, HasSubstr("\xC3\xA9</div>"));
  EXPECT_THAT(page, Not(HasSubstr("\xC3</div>")));
}

TEST(Nearest, results_past_the_most_and_neither_nor_both_kinds_of_queries_are_refused) {
  NearestRequest request;
  request.input.inputs = {ASTERISM_SOURCE_DIR "/examples/data/texts.jsonl"};
  EXPECT_EQ(nearest(request).error().code, ErrorCode::kInvalidArgument);
  request.queries = {"a"};
  request.each_count = 1;
  EXPECT_EQ(nearest(request).error().code, ErrorCode::kInvalidArgument);
  request.queries = {};
  request.each_count = 2;
  request.top_count = kNearestResultCountMax / 2 + 1;
  EXPECT_EQ(nearest(request).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace asterism::service
