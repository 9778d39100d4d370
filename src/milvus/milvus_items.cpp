// Items of a collection in Milvus: written, removed, read.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "milvus/milvus_schema.hpp"
#include "milvus/milvus_store.hpp"

namespace asterism {
namespace {

using Stub = milvus::MilvusService::Stub;

// Of one message; servers take 64 MB and more. Ids of 1 KB make an expression of 1 MB.
constexpr std::size_t kBatchItemCountMax = 1'000;
constexpr std::size_t kBatchSizeBytesMax = std::size_t{16} << 20;
// Rows whose items come at once, and rows of which little is asked.
constexpr std::size_t kFetchCount = 256;
constexpr std::size_t kPageCount = 4'096;

constexpr ItemParts kAllParts{.metadata = true, .content = true, .data = false, .vector = true};
constexpr ItemParts kNoParts{.metadata = false, .content = false, .data = false, .vector = false};

std::size_t size_bytes(const Item& item) {
  return item.id.size() + item.content.size() + item.metadata.size() + item.vector.size() * sizeof(float);
}

bool same(const Item& kept, const Item& item, const std::string& metadata) {
  const auto kept_metadata = plain_metadata(kept);
  return kept_metadata && *kept_metadata == metadata && kept.kind == item.kind && kept.content == item.content &&
         kept.content_sha256 == content_digest(item) && kept.vector == item.vector;
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Of equal ids the last, in the order of the items.
std::vector<const Item*> last_of_each_id(std::span<const Item> items) {
  std::unordered_map<std::string_view, const Item*> last;
  for (const auto& item : items) {
    last[item.id] = &item;
  }
  std::vector<const Item*> kept;
  for (const auto& item : items) {
    if (last[item.id] == &item) {
      kept.push_back(&item);
    }
  }
  return kept;
}

std::size_t batch_count(std::span<const Item* const> items) {
  std::size_t count = 0;
  for (std::size_t size = 0; count < std::min(items.size(), kBatchItemCountMax); ++count) {
    size += size_bytes(*items[count]);
    if (count > 0 && size > kBatchSizeBytesMax) {
      break;
    }
  }
  return count;
}

}  // namespace

Result<AddSummary> MilvusStore::add(std::span<const Item> items) {
  if (auto checked = check_writable(); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  for (const auto& item : items) {
    if (auto checked = check_milvus_item(item); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
  }
  const auto kept = last_of_each_id(items);
  const std::scoped_lock lock(writer_mutex_);
  AddSummary summary;
  for (std::size_t begin = 0; begin < kept.size();) {
    const auto batch = std::span(kept).subspan(begin).first(batch_count(std::span(kept).subspan(begin)));
    if (auto added = add_batch(batch, summary); !added) {
      auto error = std::move(added.error());
      if (begin > 0) {
        error.hint += fmt::format("{}{} of {} items are written: add all again, which changes nothing about those",
                                  error.hint.empty() ? "" : "; ", begin, kept.size());
      }
      return std::unexpected(std::move(error));
    }
    begin += batch.size();
  }
  return summary;
}

Result<void> MilvusStore::add_batch(std::span<const Item* const> items, AddSummary& summary) {
  std::vector<std::string> ids;
  for (const auto* item : items) {
    ids.push_back(item->id);
  }
  const auto rows = fetch(ids, kAllParts);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::unordered_map<std::string_view, const Item*> there;
  for (const auto& row : *rows) {
    there.emplace(row.item.id, &row.item);
  }
  AddSummary counted = summary;
  std::vector<const Item*> changed;
  for (const auto* item : items) {
    const auto found = there.find(item->id);
    const auto metadata = plain_metadata(*item);
    if (!metadata) {
      return std::unexpected(metadata.error());
    }
    if (found != there.end() && same(*found->second, *item, *metadata)) {
      ++counted.unchanged_count;
      continue;
    }
    changed.push_back(item);
    ++(found == there.end() ? counted.added_count : counted.updated_count);
  }
  if (!changed.empty()) {
    next_slot_ = std::max(next_slot_, now_us());
    milvus::UpsertRequest request;
    request.set_num_rows(static_cast<std::uint32_t>(changed.size()));
    if (auto written = write_milvus_rows(changed, next_slot_, settings_.dim, *request.mutable_fields_data());
        !written) {
      return written;
    }
    next_slot_ += static_cast<std::int64_t>(changed.size());
    if (const auto done = connection_.call(&Stub::Upsert, {.name = "Upsert"}, std::move(request)); !done) {
      return std::unexpected(done.error());
    }
  }
  summary = counted;
  return {};
}

Result<void> MilvusStore::erase_present(std::span<const std::string> ids) {
  for (std::size_t begin = 0; begin < ids.size(); begin += kBatchItemCountMax) {
    milvus::DeleteRequest request;
    request.set_expr(milvus_in(kMilvusId, ids.subspan(begin, std::min(kBatchItemCountMax, ids.size() - begin))));
    request.set_consistency_level(milvus_common::Strong);
    if (const auto done = connection_.call(&Stub::Delete, {.name = "Delete"}, std::move(request)); !done) {
      return std::unexpected(done.error());
    }
  }
  return {};
}

Result<std::uint64_t> MilvusStore::erase(std::span<const std::string> ids) {
  if (auto checked = check_writable(); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const std::scoped_lock lock(writer_mutex_);
  // The server counts ids that it was given, there or not.
  const auto rows = fetch(ids, kNoParts);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::vector<std::string> present;
  for (const auto& row : *rows) {
    present.push_back(row.item.id);
  }
  const auto erased = erase_present(present);
  return erased ? Result<std::uint64_t>(present.size()) : std::unexpected(erased.error());
}

Result<std::uint64_t> MilvusStore::erase_where(const FilterExpression& filter) {
  if (auto checked = check_writable(); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const auto passing = expression(&filter);
  if (!passing) {
    return std::unexpected(passing.error());
  }
  const std::scoped_lock lock(writer_mutex_);
  auto found = keys(*passing);
  if (!found) {
    return std::unexpected(found.error());
  }
  std::vector<std::string> ids;
  for (auto& key : *found) {
    ids.push_back(std::move(key.id));
  }
  const auto erased = erase_present(ids);
  return erased ? Result<std::uint64_t>(ids.size()) : std::unexpected(erased.error());
}

Result<std::vector<MilvusRow>> MilvusStore::query(const std::string& expression,
                                                  const std::vector<std::string>& columns,
                                                  std::size_t count_max) const {
  milvus::QueryRequest request;
  request.set_expr(expression);
  request.set_consistency_level(milvus_common::Strong);
  request.mutable_output_fields()->Add(columns.begin(), columns.end());
  if (count_max > 0) {
    // As pymilvus asks for pages: in the order of the primary key.
    add_parameter(*request.mutable_query_params(), "limit", std::to_string(count_max));
    add_parameter(*request.mutable_query_params(), "iterator", "True");
    add_parameter(*request.mutable_query_params(), "reduce_stop_for_best", "True");
  }
  const auto results = connection_.call(&Stub::Query, {.name = "Query"}, std::move(request));
  return results ? read_milvus_rows(results->fields_data(), nullptr, settings_.dim, connection_.address().shown)
                 : std::unexpected(results.error());
}

Result<void> MilvusStore::pages(const std::string& expression, const std::vector<std::string>& columns,
                                const std::function<Result<void>(std::vector<MilvusRow>&&)>& take) const {
  std::string last;
  while (true) {
    auto rows =
        query(fmt::format("{} > {} and ({})", kMilvusId, milvus_literal(last), expression), columns, kPageCount);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    if (rows->empty()) {
      return {};
    }
    auto greatest = std::ranges::max(*rows, {}, [](const MilvusRow& row) { return row.item.id; }).item.id;
    if (greatest <= last) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: expected ids after \"{}\", found \"{}\"",
                                                   connection_.address().shown, last, greatest));
    }
    last = std::move(greatest);
    if (auto taken = take(std::move(*rows)); !taken) {
      return taken;
    }
  }
}

Result<std::vector<MilvusStore::Key>> MilvusStore::keys(const std::string& expression) const {
  std::vector<Key> found;
  auto read = pages(expression, {kMilvusId, kMilvusSlot}, [&](std::vector<MilvusRow>&& rows) -> Result<void> {
    for (auto& row : rows) {
      found.push_back({row.slot, std::move(row.item.id)});
    }
    return {};
  });
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  std::ranges::sort(found, {}, [](const Key& key) { return std::tie(key.slot, key.id); });
  return found;
}

Result<std::vector<MilvusRow>> MilvusStore::fetch(std::span<const std::string> ids, const ItemParts& parts) const {
  const auto columns = milvus_columns(parts);
  std::vector<MilvusRow> fetched;
  for (std::size_t begin = 0; begin < ids.size(); begin += kFetchCount) {
    std::vector<std::string> asked;
    for (const auto& id : ids.subspan(begin, std::min(kFetchCount, ids.size() - begin))) {
      // No row has another id, and Milvus could not be asked for it.
      if (!id.empty() && is_milvus_text(id)) {
        asked.push_back(id);
      }
    }
    if (asked.empty()) {
      continue;
    }
    auto rows = query(milvus_in(kMilvusId, asked), columns, 0);
    if (!rows) {
      return rows;
    }
    std::unordered_map<std::string_view, std::size_t> place;
    for (std::size_t i = 0; i < rows->size(); ++i) {
      place.emplace((*rows)[i].item.id, i);
    }
    std::vector<bool> is_taken(rows->size());
    for (const auto& id : asked) {
      const auto found = place.find(id);
      if (found != place.end() && !is_taken[found->second]) {
        is_taken[found->second] = true;
        fetched.push_back((*rows)[found->second]);
      }
    }
  }
  return fetched;
}

Result<std::vector<std::optional<Item>>> MilvusStore::get(std::span<const std::string> ids,
                                                          const ItemParts& parts) const {
  const auto rows = fetch(ids, parts);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  std::unordered_map<std::string_view, const Item*> there;
  for (const auto& row : *rows) {
    there.emplace(row.item.id, &row.item);
  }
  std::vector<std::optional<Item>> items;
  for (const auto& id : ids) {
    const auto found = there.find(id);
    items.push_back(found == there.end() ? std::nullopt : std::optional(*found->second));
  }
  return items;
}

Result<void> MilvusStore::scan(const FilterExpression* filter, const ItemParts& parts,
                               const std::function<Result<void>(Item&&)>& take) const {
  const auto passing = expression(filter);
  const auto found = passing ? keys(*passing) : std::unexpected(passing.error());
  if (!found) {
    return std::unexpected(found.error());
  }
  for (std::size_t begin = 0; begin < found->size(); begin += kFetchCount) {
    std::vector<std::string> ids;
    for (std::size_t i = begin; i < std::min(begin + kFetchCount, found->size()); ++i) {
      ids.push_back((*found)[i].id);
    }
    auto rows = fetch(ids, parts);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    for (auto& row : *rows) {
      if (auto taken = take(std::move(row.item)); !taken) {
        return taken;
      }
    }
  }
  return {};
}

Result<std::uint64_t> MilvusStore::count(const FilterExpression* filter) const {
  milvus::QueryRequest request;
  if (filter != nullptr) {
    auto passing = expression(filter);
    if (!passing) {
      return std::unexpected(std::move(passing.error()));
    }
    request.set_expr(*passing);
  }
  request.set_consistency_level(milvus_common::Strong);
  request.add_output_fields("count(*)");
  const auto results = connection_.call(&Stub::Query, {.name = "Query"}, std::move(request));
  if (!results) {
    return std::unexpected(results.error());
  }
  if (results->fields_data().empty() || results->fields_data(0).scalars().long_data().data().empty()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: count: expected a number, found none", connection_.address().shown));
  }
  return static_cast<std::uint64_t>(results->fields_data(0).scalars().long_data().data(0));
}

Result<std::vector<std::optional<KnownVector>>> MilvusStore::vectors_of_content(
    std::span<const std::string> digests) const {
  std::unordered_map<std::string, std::vector<float>> known;
  for (std::size_t begin = 0; begin < digests.size(); begin += kFetchCount) {
    std::vector<std::string> asked(
        digests.begin() + static_cast<std::ptrdiff_t>(begin),
        digests.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kFetchCount, digests.size())));
    std::erase_if(asked, [](const std::string& digest) { return digest.empty(); });
    if (asked.empty()) {
      continue;
    }
    auto rows = query(milvus_in(kMilvusDigest, asked), {kMilvusId, kMilvusDigest, kMilvusVector}, 0);
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    for (auto& row : *rows) {
      known.emplace(row.item.content_sha256, std::move(row.item.vector));
    }
  }
  std::vector<std::optional<KnownVector>> vectors;
  for (const auto& digest : digests) {
    const auto found = known.find(digest);
    vectors.push_back(found == known.end() ? std::nullopt : std::optional(KnownVector{found->second}));
  }
  return vectors;
}

Result<std::vector<DuplicatePair>> MilvusStore::equal_contents() const {
  std::vector<MilvusRow> all;
  auto read = pages(fmt::format("{} != \"\"", kMilvusDigest), {kMilvusId, kMilvusSlot, kMilvusDigest},
                    [&](std::vector<MilvusRow>&& rows) -> Result<void> {
                      std::ranges::move(rows, std::back_inserter(all));
                      return {};
                    });
  if (!read) {
    return std::unexpected(std::move(read.error()));
  }
  std::ranges::sort(all, {}, [](const MilvusRow& row) { return std::tie(row.slot, row.item.id); });
  std::unordered_map<std::string_view, std::string_view> first;
  std::vector<DuplicatePair> pairs;
  for (const auto& row : all) {
    const auto [place, is_new] = first.emplace(row.item.content_sha256, row.item.id);
    if (!is_new) {
      pairs.push_back(
          {.id = std::string(place->second), .duplicate_id = row.item.id, .score = 0.0F, .equal_content = true});
    }
  }
  return pairs;
}

}  // namespace asterism
