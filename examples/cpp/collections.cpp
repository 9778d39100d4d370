// Keeps some texts in a collection, finds those nearest to a question, and again among a part of them.
//
//   example_collections [FOLDER]      FOLDER: where the collection is made [a new folder example-collection]
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "asterism/collection.hpp"

namespace {

int report(const asterism::Error& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return asterism::error_traits(error.code).exit_code;
}

void print(const asterism::SearchResult& found) {
  for (const auto& hit : found.hits) {
    std::printf("%6.3f  %-8s %s  %s\n", static_cast<double>(hit.score), hit.item.id.c_str(), hit.item.content.c_str(),
                hit.item.metadata.c_str());
  }
}

asterism::Item text(std::string id, std::string content, std::string metadata) {
  asterism::Item item;
  item.id = std::move(id);
  item.kind = asterism::ItemKind::kText;
  item.content = std::move(content);
  item.metadata = std::move(metadata);
  return item;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const std::string folder = argument_count > 1 ? arguments[1] : "example-collection";
  asterism::CollectionSettings settings;
  settings.model.id = "builtin";
  settings.columns = {"price"};
  auto collection = asterism::Collection::create(folder, settings);
  if (!collection) {
    return report(collection.error());
  }
  std::vector<asterism::Item> items{text("coat", "A warm coat for the winter", R"({"price":120})"),
                                    text("sandals", "Light sandals for the beach", R"({"price":35})"),
                                    text("scarf", "A woollen scarf", R"({"price":25})"),
                                    text("pan", "A frying pan", R"({"price":30})")};
  const auto added = collection->embed_and_add(std::move(items));
  if (!added) {
    return report(added.error());
  }
  asterism::SearchRequest request;
  request.like = {asterism::query_text("clothes for cold days")};
  request.k = 2;
  for (const char* filter : {"", "price < 100"}) {
    request.filter = filter;
    const auto found = collection->search(request);
    if (!found) {
      return report(found.error());
    }
    std::printf("Two nearest (%s)%s%s\n", found->score_name.c_str(), *filter == '\0' ? "" : " of those with ", filter);
    print(*found);
  }
  return 0;
}
