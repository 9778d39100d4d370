// What the page of an atlas asks, read from queries and JSON bodies.
// Thread-safety: pure functions. Errors: kInvalidArgument, kUsage or kLimitExceeded, naming the field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "service/atlas_search.hpp"
#include "service/atlas_series.hpp"
#include "service/atlas_tables.hpp"

namespace asterism::server {

// Rows of one request that lists them.
inline constexpr std::size_t kAtlasRowListMax = 1'000'000;

// "?name=15": a whole number; `value_default` where there is none.
Result<std::uint64_t> count_in_query(std::string_view query, std::string_view name, std::uint64_t value_default);
// "17" of a path; `name` says what it is in errors.
Result<std::uint64_t> count_in_path(std::string_view text, std::string_view name);
// "?rows=1,2,3", at most kAtlasItemCountMax of them, below `row_count`.
Result<std::vector<std::uint32_t>> rows_in_query(std::string_view query, std::size_t row_count);

struct AskedFind {
  std::string contains;
  std::size_t limit = 10'000;
};
// {"contains", "limit"}
Result<AskedFind> read_find(std::string_view body);

struct AskedAtlasSearch {
  service::AtlasQuery query;
  std::size_t k = 100;
};
// {"text" | "image" | "expression" | "row", "k"}
Result<AskedAtlasSearch> read_atlas_search(std::string_view body);

// {"versions", "method", "dim", "seed"}, each may be missing; no location yet.
Result<service::SeriesRequest> read_series(std::string_view body);

struct AskedCopy {
  std::string name;
  std::vector<std::uint32_t> rows;
};
// {"name", "rows"}; rows below `row_count`, each once.
Result<AskedCopy> read_copy(std::string_view body, std::size_t row_count);

struct AskedExport {
  service::AtlasTableFormat format = service::AtlasTableFormat::kCsv;
  std::string projection = {};      // whose places stand in the table; empty = none
  std::vector<std::uint32_t> rows;  // all where none are named
};
// Of the query: ?format=csv&projection=umap&rows=1,2,3; and of a body {"format", "projection", "rows"}.
Result<AskedExport> read_export(std::string_view query, std::size_t row_count);
Result<AskedExport> read_export_body(std::string_view body, std::size_t row_count);

}  // namespace asterism::server
