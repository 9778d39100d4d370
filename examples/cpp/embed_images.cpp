// Finds the pictures of a folder that look most like each of a few queries.
//
//   example_embed_images MODEL FOLDER [QUERY.jpg...]   MODEL: efficientnet-lite0, a folder of timm or transformers, ...
//
// Without a query, LeNet-5 shows where the idea of embeddings began: take a classifier, cut off its last layer, and
// what is left tells like from unlike (`example_embed_images examples/models/lenet5 examples/data/digits`).
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/neighbors.hpp"

namespace {

constexpr std::size_t kNeighborCount = 3;
constexpr std::size_t kDefaultQueryCount = 5;

int report(const asterism::Error& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return asterism::error_traits(error.code).exit_code;
}

std::vector<std::string> list_files(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) {
      paths.push_back(entry.path().string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One row a path, in order; a picture that cannot be decoded is said so and has a row of NaN, which is near nothing.
asterism::Result<asterism::Embeddings> embed(const asterism::Encoder& encoder, const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  std::ranges::transform(paths, std::back_inserter(files), read_file);
  const std::vector<std::string_view> views(files.begin(), files.end());
  auto embeddings = encoder.encode_images(views);
  for (std::size_t i = 0; embeddings && i < paths.size(); ++i) {
    if (const auto& error = embeddings->reports[i].error) {
      std::fprintf(stderr, "%s: %s\n", paths[i].c_str(), error->to_string().c_str());
    }
  }
  return embeddings;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 3) {
    std::fprintf(stderr, "usage: %s MODEL FOLDER [QUERY.jpg...]\n", arguments[0]);
    return 2;
  }
  // "penultimate": what the classifier would be given. It is also what an image model gives when nothing is said.
  asterism::EncoderOptions options;
  options.layers = {"penultimate"};
  const auto encoder = asterism::Encoder::load(arguments[1], options);
  if (!encoder) {
    return report(encoder.error());
  }
  const std::vector<std::string> paths = list_files(arguments[2]);
  std::vector<std::string> queries(arguments + 3, arguments + argument_count);
  for (std::size_t i = 0; argument_count == 3 && i < std::min(kDefaultQueryCount, paths.size()); ++i) {
    queries.push_back(paths[i * paths.size() / kDefaultQueryCount]);
  }
  const auto rows = embed(*encoder, paths);
  const auto query_rows = embed(*encoder, queries);
  if (!rows || !query_rows) {
    return report(rows ? query_rows.error() : rows.error());
  }
  const asterism::MatrixView matrix{.values = rows->values, .row_count = rows->row_count, .dim = rows->dim};
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::printf("%s\n", queries[i].c_str());
    // One more: a query that lies in the folder is its own nearest.
    const auto neighbors = asterism::nearest_neighbors(matrix, query_rows->row(i), kNeighborCount + 1);
    if (!neighbors) {
      return report(neighbors.error());
    }
    for (const asterism::Neighbor& neighbor : *neighbors) {
      if (paths[neighbor.row] != queries[i]) {
        std::printf("  %.3f  %s\n", static_cast<double>(neighbor.score), paths[neighbor.row].c_str());
      }
    }
  }
  return 0;
}
