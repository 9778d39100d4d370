#include "service/atlas_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii_case.hpp"
#include "service/arithmetic_expression.hpp"
#include "store/unit_vector.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kCopyBatchCount = 1000;
constexpr ItemParts kNoParts{.metadata = false, .content = false, .data = false, .vector = false};

Result<void> expect_row(const AtlasSnapshot& snapshot, std::uint32_t row) {
  if (row < snapshot.row_count()) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("row: expected a number from 0 to {}, found {}", snapshot.row_count() - 1, row));
}

Result<std::vector<std::string>> ids_of(const AtlasSnapshot& snapshot, std::span<const std::uint32_t> rows) {
  std::vector<std::string> out;
  out.reserve(rows.size());
  for (const std::uint32_t row : rows) {
    if (auto known = expect_row(snapshot, row); !known) {
      return std::unexpected(std::move(known.error()));
    }
    out.emplace_back(snapshot.ids.id(row));
  }
  return out;
}

// Bytes that are no UTF-8 are replaced when this is written (error_handler_t::replace).
Json item_json(std::uint32_t row, std::string_view id, const std::optional<Item>& item) {
  Json out{{"row", row},   {"id", id}, {"text", nullptr}, {"image", false}, {"metadata", Json::object()},
           {"gone", !item}};
  if (item) {
    const bool image = item->kind == ItemKind::kImage;
    out["image"] = image;
    if (item->kind != ItemKind::kVector) {
      out["text"] = item->content;
    }
    if (auto metadata = parse_json(item->metadata, "metadata")) {
      out["metadata"] = *std::move(metadata);
    }
  }
  return out;
}

Result<void> expect_count(std::string_view name, std::size_t count, std::size_t count_max) {
  if (count >= 1 && count <= count_max) {
    return {};
  }
  return fail(count == 0 ? ErrorCode::kInvalidArgument : ErrorCode::kLimitExceeded,
              fmt::format("{}: expected 1 to {}, found {}", name, count_max, count));
}

// What the page sends comes from anywhere: no file of this machine is read for it.
Result<void> expect_no_path(std::span<const ArithmeticTerm> terms) {
  const auto path = std::ranges::find(terms, OperandKind::kImage, &ArithmeticTerm::kind);
  if (path == terms.end()) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("expression: expected words, texts in quotes and #ids, found the path '@{}'", path->value),
              "a picture is searched with alone: \"image\"");
}

// The vector of a text is that of the collection's queries: what a search for it was done with.
Result<std::vector<float>> sum_of_terms(const Collection& collection, std::span<const ArithmeticTerm> terms) {
  std::vector<SearchRequest> requests;
  for (const ArithmeticTerm& term : terms) {
    requests.push_back({.like = {term.kind == OperandKind::kId ? query_id(term.value) : query_text(term.value)},
                        .k = 1,
                        .parts = kNoParts});
  }
  const auto results = collection.search_batch(requests);
  if (!results) {
    return std::unexpected(results.error());
  }
  std::vector<float> sum(collection.settings().dim, 0.0F);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const std::vector<float> unit = unit_vector((*results)[i].query);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      sum[j] += static_cast<float>(terms[i].weight) * unit[j];
    }
  }
  if (std::ranges::all_of(sum, [](float value) { return value == 0.0F; })) {
    return fail(ErrorCode::kInvalidArgument, "expression: expected a direction, found terms that sum up to none");
  }
  return sum;
}

// Whether an item is one of the expression's own: it, or its text in any case.
bool is_term(const Item& item, std::span<const ArithmeticTerm> terms) {
  return std::ranges::any_of(terms, [&](const ArithmeticTerm& term) {
    return term.kind == OperandKind::kId ? item.id == term.value : equals_ignoring_case(item.content, term.value);
  });
}

Result<std::vector<ScoredRow>> search_expression(const Collection& collection, const AtlasSnapshot& snapshot,
                                                 std::string_view expression, std::size_t k) {
  const auto terms = parse_arithmetic(expression);
  if (!terms) {
    return std::unexpected(terms.error());
  }
  if (auto allowed = expect_no_path(*terms); !allowed) {
    return std::unexpected(std::move(allowed.error()));
  }
  auto sum = sum_of_terms(collection, *terms);
  if (!sum) {
    return std::unexpected(std::move(sum.error()));
  }
  const ItemParts text{.metadata = false, .content = true, .data = false, .vector = false};
  auto result = collection.search(
      {.like = {query_vector(*std::move(sum))}, .k = std::min(k + kOwnItemCountMax, kSearchCountMax), .parts = text});
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  std::erase_if(result->hits, [&](const SearchHit& hit) { return is_term(hit.item, *terms); });
  return rows_of_hits(snapshot, *result, k);
}

Result<QueryPart> query_part(const AtlasSnapshot& snapshot, const AtlasQuery& query) {
  switch (query.kind) {
    case AtlasQuery::Kind::kText:
      return query_text(query.value);
    case AtlasQuery::Kind::kImage:
      return query_image(query.value);
    case AtlasQuery::Kind::kRow: {
      auto known = expect_row(snapshot, query.row);
      return known ? Result<QueryPart>(query_id(std::string(snapshot.ids.id(query.row))))
                   : std::unexpected(std::move(known.error()));
    }
    case AtlasQuery::Kind::kExpression:
      break;
  }
  return fail(ErrorCode::kInternal, "query: an expression is no single part");
}

}  // namespace

std::vector<ScoredRow> rows_of_hits(const AtlasSnapshot& snapshot, const SearchResult& result, std::size_t k) {
  std::vector<ScoredRow> out;
  for (const SearchHit& hit : result.hits) {
    if (const auto row = snapshot.ids.row(hit.item.id); row && out.size() < k) {
      out.push_back({.row = *row, .score = hit.score});
    }
  }
  return out;
}

Result<Json> atlas_items(const Collection& collection, const AtlasSnapshot& snapshot,
                         std::span<const std::uint32_t> rows) {
  if (auto counted = expect_count("rows", rows.size(), kAtlasItemCountMax); !counted) {
    return std::unexpected(std::move(counted.error()));
  }
  const auto ids = ids_of(snapshot, rows);
  const auto items = ids ? collection.get(*ids) : std::unexpected(ids.error());
  if (!items) {
    return std::unexpected(items.error());
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    list.push_back(item_json(rows[i], (*ids)[i], (*items)[i]));
  }
  return Json{{"items", std::move(list)}};
}

Result<std::vector<ScoredRow>> atlas_neighbors(const Collection& collection, const AtlasSnapshot& snapshot,
                                               std::uint32_t row, std::size_t k) {
  if (auto counted = expect_count("k", k, kAtlasNeighborCountMax); !counted) {
    return std::unexpected(std::move(counted.error()));
  }
  return atlas_search(collection, snapshot, {.kind = AtlasQuery::Kind::kRow, .row = row}, k);
}

Result<std::vector<ScoredRow>> atlas_search(const Collection& collection, const AtlasSnapshot& snapshot,
                                            const AtlasQuery& query, std::size_t k) {
  if (auto counted = expect_count("k", k, kSearchCountMax); !counted) {
    return std::unexpected(std::move(counted.error()));
  }
  if (query.kind == AtlasQuery::Kind::kExpression) {
    return search_expression(collection, snapshot, query.value, k);
  }
  auto part = query_part(snapshot, query);
  if (!part) {
    return std::unexpected(std::move(part.error()));
  }
  const auto result = collection.search({.like = {*std::move(part)}, .k = k, .parts = kNoParts});
  return result ? Result<std::vector<ScoredRow>>(rows_of_hits(snapshot, *result, k)) : std::unexpected(result.error());
}

Result<std::vector<std::uint32_t>> find_rows(const Collection& collection, const AtlasSnapshot& snapshot,
                                             std::string_view text, std::size_t limit) {
  if (auto counted = expect_count("limit", limit, kFindCountMax); !counted) {
    return std::unexpected(std::move(counted.error()));
  }
  if (text.empty()) {
    return fail(ErrorCode::kInvalidArgument, "contains: expected a text that is not empty");
  }
  const std::string wanted = ascii_lower(text);
  std::vector<std::uint32_t> out;
  const ItemParts parts{.metadata = false, .content = true, .data = false, .vector = false};
  const auto scanned = collection.scan({}, parts, [&](Item&& item) -> Result<void> {
    if (ascii_lower(item.content).find(wanted) != std::string::npos ||
        ascii_lower(item.id).find(wanted) != std::string::npos) {
      if (const auto row = snapshot.ids.row(item.id)) {
        out.push_back(*row);
      }
    }
    return {};
  });
  if (!scanned) {
    return std::unexpected(scanned.error());
  }
  std::ranges::sort(out);
  out.resize(std::min(out.size(), limit));
  return out;
}

Result<std::uint64_t> copy_rows(const Collection& from, const AtlasSnapshot& snapshot,
                                std::span<const std::uint32_t> rows, Collection& to) {
  std::uint64_t count = 0;
  const ItemParts all{.metadata = true, .content = true, .data = true, .vector = true};
  for (std::size_t begin = 0; begin < rows.size(); begin += kCopyBatchCount) {
    const auto ids = ids_of(snapshot, rows.subspan(begin, std::min(kCopyBatchCount, rows.size() - begin)));
    auto items = ids ? from.get(*ids, all) : std::unexpected(ids.error());
    if (!items) {
      return std::unexpected(std::move(items.error()));
    }
    std::vector<Item> found;
    for (auto& item : *items) {
      if (item) {
        found.push_back(*std::move(item));
      }
    }
    const auto added = to.add(found);
    if (!added) {
      return std::unexpected(added.error());
    }
    count += added->added_count;
  }
  return count;
}

}  // namespace asterism::service
