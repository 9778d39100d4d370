// Finds the lines of a text file that mean most nearly what each query says.
//
//   example_nearest_neighbours MODEL FILE QUERY...      FILE: one text a line; prints the three nearest of each query
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/neighbors.hpp"

namespace {

constexpr std::size_t kNeighborCount = 3;

int report(const asterism::Error& error) {
  std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return asterism::error_traits(error.code).exit_code;
}

asterism::Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return asterism::fail(asterism::ErrorCode::kNotFound, path + ": expected a text file, cannot open it");
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

asterism::Result<void> print_neighbors(const asterism::Encoder& encoder, std::span<const std::string> texts,
                                       std::span<const std::string> queries) {
  const auto rows = encoder.encode(texts);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  const auto query_rows = encoder.encode(queries);
  if (!query_rows) {
    return std::unexpected(query_rows.error());
  }
  const asterism::MatrixView matrix{.values = rows->values, .row_count = rows->row_count, .dim = rows->dim};
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto neighbors = asterism::nearest_neighbors(matrix, query_rows->row(i), kNeighborCount);
    if (!neighbors) {
      return std::unexpected(neighbors.error());
    }
    std::printf("%s\n", queries[i].c_str());
    for (const asterism::Neighbor& neighbor : *neighbors) {
      std::printf("  %6.3f  %s\n", static_cast<double>(neighbor.score), texts[neighbor.row].c_str());
    }
  }
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 4) {
    std::fprintf(stderr, "usage: %s MODEL FILE QUERY...\n", arguments[0]);
    return asterism::error_traits(asterism::ErrorCode::kUsage).exit_code;
  }
  const std::vector<std::string> queries(arguments + 3, arguments + argument_count);
  const auto texts = read_lines(arguments[2]);
  if (!texts) {
    return report(texts.error());
  }
  const auto encoder = asterism::Encoder::load(arguments[1]);
  if (!encoder) {
    return report(encoder.error());
  }
  const auto printed = print_neighbors(*encoder, *texts, queries);
  return printed ? 0 : report(printed.error());
}
