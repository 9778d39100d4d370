#include "server/openapi.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "scratch_folder.hpp"
#include "server/collection_service.hpp"
#include "server/job_service.hpp"

namespace asterism::server {
namespace {

OpenApiSettings settings(bool keys_needed) {
  return {.keys_needed = keys_needed,
          .values = {{"row_count_max", 7},
                     {"row_count_below", 6},
                     {"dim_max", nullptr},
                     {"token_id_max", nullptr},
                     {"token_count_max", nullptr},
                     {"takes_images", nullptr},
                     {"prompt_names", {"q", nullptr}}}};
}

// All that a server can have: the routes of all_routes(), of collections, atlases and jobs. No model is loaded for it.
class AllRoutes {
 public:
  AllRoutes() {
    auto host = CollectionHost::open({.folder = folder_.path() / "collections", .thread_count = 1}, embedder_);
    EXPECT_TRUE(host) << host.error().message;
    collections_ = std::make_unique<CollectionService>(*std::move(host), CollectionServiceLimits{});
    auto jobs = JobService::open({.board = {.folder = folder_.path() / "jobs"}}, *embedder_, collections_->host.get());
    EXPECT_TRUE(jobs) << jobs.error().message;
    jobs_ = *std::move(jobs);
    routes = all_routes();
    std::ranges::move(collection_routes(*collections_), std::back_inserter(routes));
    std::ranges::move(atlas_routes(*collections_), std::back_inserter(routes));
    std::ranges::move(job_routes(*jobs_), std::back_inserter(routes));
  }

 private:
  ScratchFolder folder_{"openapi"};
  ModelPool pool_{{"builtin"}, {}};
  Scheduler scheduler_{{}};
  std::shared_ptr<ServedEmbedder> embedder_ = std::make_shared<ServedEmbedder>(pool_, scheduler_, std::size_t{64});
  std::unique_ptr<CollectionService> collections_;
  std::unique_ptr<JobService> jobs_;

 public:
  std::vector<Route> routes;
};

Json document(bool keys_needed = false) {
  const AllRoutes all;
  auto out = open_api_document(all.routes, open_api_fragments(), settings(keys_needed));
  EXPECT_TRUE(out) << out.error().message;
  return out ? *std::move(out) : Json::object();
}

TEST(OpenApi, every_route_is_there_with_its_documentation) {
  const Json made = document();
  for (const Route& route : AllRoutes().routes) {
    ASSERT_TRUE(made.at("paths").contains(route.path)) << route.path;
  }
  EXPECT_EQ(made.at("paths").at("/").size(), 2U);
  const Json& embed = made.at("paths").at("/embed").at("post");
  EXPECT_EQ(embed.at("operationId"), "post_embed");
  EXPECT_EQ(embed.at("responses").at("422").at("content").at("application/json").at("schema").at("$ref"),
            "#/components/schemas/TeiError");
  EXPECT_TRUE(embed.at("responses").at("429").at("headers").contains("retry-after"));
  const Json& openai = made.at("paths").at("/v1/embeddings").at("post");
  EXPECT_EQ(openai.at("responses").at("500").at("content").at("application/json").at("schema").at("$ref"),
            "#/components/schemas/OpenAiError");
}

TEST(OpenApi, the_names_of_a_query_are_those_of_the_documentation) {
  const Json made = document();
  std::size_t count = 0;
  for (const Route& route : AllRoutes().routes) {
    const auto names = documented_query_names(made, route);
    count += names.size();
    if (route.method == Method::kPost && route.path == "/v1/collections/{name}/items") {
      EXPECT_EQ(names, (std::vector<std::string>{"column", "id_column", "metadata", "source", "id"}));
    } else if (route.path == "/v1/embeddings") {
      EXPECT_TRUE(names.empty()) << "headers are no part of a query";
    }
  }
  EXPECT_GT(count, 20U);
}

TEST(OpenApi, every_fragment_is_used) {
  const Json made = document(true);
  for (const OpenApiFragment& fragment : open_api_fragments()) {
    const auto json = parse_json(fragment.text, fragment.file);
    ASSERT_TRUE(json) << json.error().message;
    for (const auto& [section, entries] : json->items()) {
      for (const auto& [name, value] : entries.items()) {
        EXPECT_TRUE(made.at("components").at(section).contains(name)) << fragment.file << " " << name;
      }
    }
  }
}

TEST(OpenApi, the_server_s_values_stand_in_the_schemas) {
  const Json made = document();
  const Json& schemas = made.at("components").at("schemas");
  EXPECT_EQ(schemas.at("Texts").at("oneOf").at(1).at("maxItems"), 7);
  EXPECT_FALSE(schemas.at("Dimensions").contains("maximum"));
  EXPECT_EQ(schemas.at("PromptName").at("enum"), (Json{"q", nullptr}));
  EXPECT_EQ(made.dump().find("\"$row"), std::string::npos);
  EXPECT_EQ(made.dump().find("x-if"), std::string::npos);
  EXPECT_TRUE(schemas.at("ClassifyRequest").at("properties").contains("images"));
  OpenApiSettings texts_only = settings(false);
  texts_only.values["takes_images"] = false;
  const auto without = open_api_document(all_routes(), open_api_fragments(), texts_only);
  ASSERT_TRUE(without);
  const Json& request = without->at("components").at("schemas").at("ClassifyRequest");
  EXPECT_FALSE(request.at("properties").contains("images"));
  EXPECT_EQ(request.at("oneOf").size(), 1U);
}

TEST(OpenApi, keys_are_asked_for_where_the_server_has_them) {
  const Json open = document();
  EXPECT_FALSE(open.at("components").contains("securitySchemes"));
  EXPECT_FALSE(open.at("paths").at("/embed").at("post").at("responses").contains("401"));
  const Json closed = document(true);
  EXPECT_EQ(closed.at("components").at("securitySchemes").at("key").at("scheme"), "bearer");
  const Json& embed = closed.at("paths").at("/embed").at("post");
  EXPECT_EQ(embed.at("security"), Json::array({Json{{"key", {"read"}}}}));
  EXPECT_TRUE(embed.at("responses").at("401").at("headers").contains("www-authenticate"));
  EXPECT_TRUE(closed.at("paths").at("/health").at("get").at("security").empty());
}

TEST(OpenApi, what_is_missing_is_named) {
  const std::vector<OpenApiFragment> fragments(open_api_fragments().begin(), open_api_fragments().end());
  const auto message = [&](Route route, std::vector<OpenApiFragment> given) {
    const auto made = open_api_document(std::vector<Route>{std::move(route)}, given, settings(false));
    return made ? std::string() : made.error().message;
  };
  Route route{Method::kGet, "/x/{name}", Dialect::kTei, Scope::kOpen, {}, {}};
  EXPECT_NE(message(route, fragments).find("get /x/{name}"), std::string::npos);
  route.doc = {.tag = "T", .summary = "s", .answers = {{200, "ok", {{"application/json", "Health"}}}}};
  EXPECT_NE(message(route, fragments).find("parameter name"), std::string::npos);
  route.path = "/x";
  EXPECT_EQ(message(route, fragments), "");
  const auto common = std::ranges::find(fragments, "common.json", &OpenApiFragment::file);
  ASSERT_NE(common, fragments.end());
  EXPECT_NE(message(route, {*common}).find("schemas/Health"), std::string::npos);
  route.doc.answers[0].contents[0].schema = "None";
  EXPECT_NE(message(route, fragments).find("schemas/None"), std::string::npos);
  route.doc.answers[0].contents[0].schema = "Health";
  auto twice = fragments;
  twice.push_back(fragments.front());
  EXPECT_NE(message(route, twice).find("is there twice"), std::string::npos);
  EXPECT_NE(message(route, {{"bad.json", "{"}}).find("bad.json"), std::string::npos);
  auto lost = fragments;
  lost.push_back({"lost.json", R"({"schemas": {"Lost": {"$ref": "#/components/schemas/Nowhere"}}})"});
  route.doc.answers[0].contents[0].schema = "Lost";
  EXPECT_NE(message(route, lost).find("schemas/Nowhere"), std::string::npos);
}

}  // namespace
}  // namespace asterism::server
