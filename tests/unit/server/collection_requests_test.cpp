#include "server/collection_requests.hpp"

#include <gtest/gtest.h>

#include "base/base64.hpp"

namespace asterism::server {
namespace {

struct Case {
  std::string body;
  ErrorCode code;
  std::string word;  // in the message
};

template <typename Read>
void expect_refused(Read read, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const auto refused = read(one.body);
    ASSERT_FALSE(refused) << one.body;
    EXPECT_EQ(refused.error().code, one.code) << one.body << ": " << refused.error().message;
    EXPECT_NE(refused.error().message.find(one.word), std::string::npos) << one.body << ": " << refused.error().message;
  }
}

const std::string kDeep = std::string(10'000, '[') + std::string(10'000, ']');

TEST(CollectionRequests, what_is_wrong_with_a_search_is_named) {
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_refused(read_search, {{"", ErrorCode::kUsage, "JSON"},
                               {"[1]", ErrorCode::kUsage, "object"},
                               {"{\"text\":\"\xFF\"}", ErrorCode::kUsage, "JSON"},
                               {R"({"text":NaN})", ErrorCode::kUsage, "JSON"},
                               {"{\"text\":" + kDeep + "}", ErrorCode::kUsage, "nested"},
                               {R"({"txt":"a"})", kWrong, "txt"},
                               {R"({"text":3})", kWrong, "text"},
                               {R"({"text":["a",3]})", kWrong, "entry 1"},
                               {R"({"k":0})", kWrong, "\"k\""},
                               {R"({"k":-1})", kWrong, "\"k\""},
                               {R"({"k":1.5})", kWrong, "\"k\""},
                               {R"({"k":100001})", ErrorCode::kLimitExceeded, "\"k\""},
                               {R"({"k":99999999999999999999999})", kWrong, "\"k\""},
                               {R"({"vector":[]})", kWrong, "vector"},
                               {R"({"vector":[1,"2"]})", kWrong, "entry 1"},
                               {R"({"vector":[1,1e39]})", kWrong, "entry 1"},
                               {R"({"vector":{"a":1}})", kWrong, "vector"},
                               {R"({"image":"http://a/b.png"})", ErrorCode::kUnsupported, "fetches no addresses"},
                               {R"({"image":"!!"})", kWrong, "base64"},
                               {R"({"image":"data:image/png,abc"})", kWrong, ";base64,"},
                               {R"({"like":[{"text":"a","id":"b"}]})", kWrong, "like, entry 0"},
                               {R"({"like":[{"word":"a"}]})", kWrong, "like, entry 0"},
                               {R"({"like":[3]})", kWrong, "like, entry 0"},
                               {R"({"unlike":{"id":null}})", kWrong, "unlike, entry 0"},
                               {R"({"text":"a","diversity":"much"})", kWrong, "diversity"},
                               {R"({"text":"a","score_limit":1e300})", kWrong, "score_limit"},
                               {R"({"text":"a","include":["vectors"]})", kWrong, "vectors"},
                               {R"({"text":"a","exact":"yes"})", kWrong, "exact"},
                               {R"({"id":"a","hybrid":true})", kWrong, "hybrid"}});
}

TEST(CollectionRequests, a_search_is_read_as_it_was_meant) {
  const auto asked = read_search(
      R"({"text":"a","like":[{"id":"x"},"b",{"vector":[1,2]}],"unlike":{"text":"c"},"k":3,"filter":"p < 2",
          "group_by":"g","group_size":2,"diversity":0.5,"score_limit":0.25,"exact":true,"explain":true,
          "hybrid":true,"version":"v","include":["vector"]})");
  ASSERT_TRUE(asked) << asked.error().message;
  const SearchRequest& search = asked->search;
  ASSERT_EQ(search.like.size(), 4U);
  EXPECT_EQ(search.like[0].value, "a");
  EXPECT_EQ(search.like[1].kind, QueryPart::Kind::kId);
  EXPECT_EQ(search.like[2].value, "b");
  EXPECT_EQ(search.like[3].vector, (std::vector<float>{1.0F, 2.0F}));
  EXPECT_EQ(search.unlike.at(0).value, "c");
  EXPECT_EQ(search.k, 3U);
  EXPECT_EQ(search.keywords, "a b");
  EXPECT_EQ(search.mode, SearchMode::kExact);
  EXPECT_EQ(search.score_limit, 0.25F);
  EXPECT_EQ(asked->version, "v");
  EXPECT_TRUE(asked->explain);
  EXPECT_TRUE(search.parts.vector);
  EXPECT_FALSE(search.parts.metadata);
}

TEST(CollectionRequests, a_picture_as_body_takes_the_rest_from_the_query) {
  HttpRequest request;
  request.headers.push_back({"content-type", "image/png"});
  request.body = "bytes";
  request.query = "k=3&filter=a%20%3D%201&exact=true&include=vector,metadata";
  const auto asked = read_search_request(request);
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->search.like.at(0).value, "bytes");
  EXPECT_EQ(asked->search.k, 3U);
  EXPECT_EQ(asked->search.filter, "a = 1");
  EXPECT_EQ(asked->search.mode, SearchMode::kExact);
  EXPECT_TRUE(asked->search.parts.vector);
  request.query = "k=many";
  EXPECT_EQ(read_search_request(request).error().code, ErrorCode::kInvalidArgument);
}

TEST(CollectionRequests, beside_json_the_query_says_nothing_that_nobody_reads) {
  HttpRequest request;
  request.body = R"({"text": "a", "k": 2})";
  ASSERT_TRUE(read_search_request(request)) << read_search_request(request).error().message;
  EXPECT_EQ(read_search_request(request)->search.k, 2U);
  request.query = "k=3";
  EXPECT_EQ(read_search_request(request).error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(read_search_request(request).error().message.find("?k"), std::string::npos);
  request.query = "k=&trace=1";
  EXPECT_TRUE(read_search_request(request));
}

TEST(CollectionRequests, items_are_texts_pictures_or_vectors) {
  const auto items = read_items(R"([{"id":"t","text":"a","metadata":{"p":1}},{"id":"i","image":")" + base64("png") +
                                R"("},{"id":"v","vector":[1,2]},{"id":"tv","text":"b","vector":[3]}])");
  ASSERT_TRUE(items) << items.error().message;
  ASSERT_EQ(items->size(), 4U);
  EXPECT_EQ((*items)[0].metadata, R"({"p":1})");
  EXPECT_EQ((*items)[1].data, "png");
  EXPECT_EQ((*items)[1].kind, ItemKind::kImage);
  EXPECT_EQ((*items)[2].kind, ItemKind::kVector);
  EXPECT_EQ((*items)[3].content, "b");
  EXPECT_EQ(read_items(R"({"items":[]})")->size(), 0U);
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_refused(read_items, {{"{}", kWrong, "items"},
                              {R"({"items":3})", kWrong, "items"},
                              {"[", ErrorCode::kUsage, "JSON"},
                              {"[3]", kWrong, "entry 0"},
                              {R"([{"text":"a"}])", kWrong, "\"id\""},
                              {R"([{"id":7,"text":"a"}])", kWrong, "\"id\""},
                              {R"([{"id":"a"}])", kWrong, "\"text\""},
                              {R"([{"id":"a","text":"b","image":"aaaa"}])", kWrong, "both"},
                              {R"([{"id":"a","text":"b","metadata":[1]}])", kWrong, "metadata"},
                              {R"([{"id":"a","text":"b"},{"id":"c","txt":"d"}])", kWrong, "entry 1"}});
}

TEST(CollectionRequests, what_is_wrong_with_a_new_collection_is_named) {
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_refused(read_create, {{"{}", kWrong, "name"},
                               {R"({"name":"a"})", kWrong, "model"},
                               {R"({"name":"a","model":"m","metric":"l1"})", kWrong, "cosine, dot, euclidean"},
                               {R"({"name":"a","model":"m","vector_type":"f8"})", kWrong, "f32"},
                               {R"({"name":"a","dim":0})", kWrong, "dim"},
                               {R"({"name":"a","dim":16385})", ErrorCode::kLimitExceeded, "dim"},
                               {R"({"name":"a","dim":2,"columns":{"a":1}})", kWrong, "columns"}});
  const auto asked = read_create(R"({"name":"a","dim":2,"metric":"dot","vector_type":"i8","columns":["p"]})");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->settings.metric, Metric::kDot);
  EXPECT_EQ(asked->settings.vector_type, VectorType::kI8);
  EXPECT_EQ(asked->settings.columns, std::vector<std::string>{"p"});
}

TEST(CollectionRequests, gets_deletes_and_versions) {
  constexpr auto kWrong = ErrorCode::kInvalidArgument;
  expect_refused(read_get, {{"{}", kWrong, "ids"}, {R"({"ids":[1]})", kWrong, "entry 0"}});
  expect_refused(read_delete, {{R"({"ids":{"a":1}})", kWrong, "ids"}, {R"({"dry_run":1})", kWrong, "dry_run"}});
  expect_refused(read_version_name, {{"{}", kWrong, "name"}, {R"({"name":3})", kWrong, "name"}});
  EXPECT_EQ(read_get(R"({"ids":"a"})")->ids, std::vector<std::string>{"a"});
  EXPECT_TRUE(read_delete(R"({"filter":"a = 1","dry_run":true})")->dry_run);
}

}  // namespace
}  // namespace asterism::server
