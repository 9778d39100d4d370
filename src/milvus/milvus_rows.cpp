#include "milvus/milvus_rows.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/json.hpp"
#include "milvus/milvus_schema.hpp"
#include "store/vector_store.hpp"

namespace asterism {
namespace {

milvus_schema::FieldData& add_column(MilvusColumns& columns, const char* name, milvus_schema::DataType type) {
  auto& column = *columns.Add();
  column.set_field_name(name);
  column.set_type(type);
  return column;
}

milvus_schema::StringArray& add_texts(MilvusColumns& columns, const char* name) {
  return *add_column(columns, name, milvus_schema::VarChar).mutable_scalars()->mutable_string_data();
}

// Where the value of each row is among the values of a column; nothing for null. Servers send null rows along or leave
// them out.
class Places {
 public:
  Places(const milvus_schema::FieldData& column, std::size_t value_count) : column_(column), value_count_(value_count) {
    const auto& valid = column.valid_data();
    valid_count_ = static_cast<std::size_t>(std::ranges::count(valid, true));
    row_count_ = valid.empty() ? value_count : static_cast<std::size_t>(valid.size());
  }

  std::size_t row_count() const noexcept { return row_count_; }
  bool agree() const noexcept { return value_count_ == row_count_ || value_count_ == valid_count_; }

  // To be asked for row after row.
  std::optional<std::size_t> next() {
    const auto row = row_++;
    const bool valid = column_.valid_data().empty() || column_.valid_data(static_cast<int>(row));
    const auto place = value_count_ == row_count_ ? row : place_;
    place_ += valid ? 1U : 0U;
    return valid ? std::optional(place) : std::nullopt;
  }

 private:
  const milvus_schema::FieldData& column_;
  std::size_t value_count_;
  std::size_t valid_count_ = 0;
  std::size_t row_count_ = 0;
  std::size_t row_ = 0;
  std::size_t place_ = 0;
};

std::optional<ItemKind> kind_of(std::string_view name) {
  for (const auto kind : {ItemKind::kVector, ItemKind::kText, ItemKind::kImage}) {
    if (item_kind_name(kind) == name) {
      return kind;
    }
  }
  return std::nullopt;
}

class RowReader {
 public:
  RowReader(std::size_t dim, std::string_view shown) : dim_(dim), shown_(shown) {}

  Result<void> read(const milvus_schema::FieldData& column);
  Result<void> read_ids(const milvus_schema::IDs& ids);
  std::vector<MilvusRow> take() { return std::move(rows_); }

 private:
  std::unexpected<Error> corrupt(std::string_view what) const {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: the server's answer: {}", shown_, what));
  }
  // Gives each row the value that it has, in `values`.
  template <typename Values, typename Take>
  Result<void> each(const milvus_schema::FieldData& column, const Values& values, const Take& take);
  Result<void> read_vectors(const milvus_schema::FieldData& column);
  bool resize(std::size_t row_count);

  std::size_t dim_;
  std::string_view shown_;
  std::optional<std::size_t> row_count_;
  std::vector<MilvusRow> rows_;
};

bool RowReader::resize(std::size_t row_count) {
  if (row_count_.value_or(row_count) != row_count) {
    return false;
  }
  row_count_ = row_count;
  rows_.resize(row_count);
  return true;
}

template <typename Values, typename Take>
Result<void> RowReader::each(const milvus_schema::FieldData& column, const Values& values, const Take& take) {
  Places places(column, static_cast<std::size_t>(values.size()));
  if (!places.agree() || !resize(places.row_count())) {
    return corrupt(fmt::format("column '{}' has {} values of {}", column.field_name(), values.size(),
                               row_count_.value_or(places.row_count())));
  }
  for (auto& row : rows_) {
    if (const auto place = places.next()) {
      take(row, values[static_cast<int>(*place)]);
    }
  }
  return {};
}

Result<void> RowReader::read_vectors(const milvus_schema::FieldData& column) {
  const auto& values = column.vectors().float_vector().data();
  const auto row_count = static_cast<std::size_t>(values.size()) / dim_;
  if (static_cast<std::size_t>(values.size()) != row_count * dim_ || !resize(row_count)) {
    return corrupt(fmt::format("column '{}' has {} numbers for {} rows of {}", column.field_name(), values.size(),
                               row_count_.value_or(row_count), dim_));
  }
  for (std::size_t i = 0; i < row_count; ++i) {
    const auto* first = values.data() + i * dim_;
    rows_[i].item.vector.assign(first, first + dim_);
  }
  return {};
}

Result<void> RowReader::read(const milvus_schema::FieldData& column) {
  const std::string_view name = column.field_name();
  const auto& texts = column.scalars().string_data().data();
  if (name == kMilvusVector) {
    return read_vectors(column);
  }
  if (name == kMilvusSlot) {
    return each(column, column.scalars().long_data().data(),
                [](MilvusRow& row, std::int64_t slot) { row.slot = slot; });
  }
  if (name == kMilvusMetadata) {
    return each(column, column.scalars().json_data().data(),
                [](MilvusRow& row, const std::string& json) { row.item.metadata = json; });
  }
  if (name == kMilvusId) {
    return each(column, texts, [](MilvusRow& row, const std::string& id) { row.item.id = id; });
  }
  if (name == kMilvusContent) {
    return each(column, texts, [](MilvusRow& row, const std::string& text) { row.item.content = text; });
  }
  if (name == kMilvusDigest) {
    return each(column, texts, [](MilvusRow& row, const std::string& digest) { row.item.content_sha256 = digest; });
  }
  if (name != kMilvusKind) {
    return {};
  }
  bool known = true;
  auto read = each(column, texts, [&](MilvusRow& row, const std::string& text) {
    const auto kind = kind_of(text);
    known = known && kind;
    row.item.kind = kind.value_or(ItemKind::kVector);
  });
  return !read || known ? read : corrupt("an item's kind is none of vector, text, image");
}

Result<void> RowReader::read_ids(const milvus_schema::IDs& ids) {
  const auto& texts = ids.str_id().data();
  if (!resize(static_cast<std::size_t>(texts.size()))) {
    return corrupt(fmt::format("{} ids for {} rows", texts.size(), *row_count_));
  }
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].item.id = texts[static_cast<int>(i)];
  }
  return {};
}

std::unexpected<Error> cannot_keep(ErrorCode code, const Item& item, const std::string& what) {
  const auto id = is_milvus_text(item.id) ? item.id.substr(0, 60)
                                          : Json(item.id).dump(-1, ' ', true, Json::error_handler_t::replace);
  return fail(code, fmt::format("item \"{}\": {}", id, what), "keep the collection in a folder, or in PostgreSQL");
}

}  // namespace

bool is_milvus_text(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

Result<void> check_milvus_item(const Item& item) {
  if (!is_milvus_text(item.id) || !is_milvus_text(item.content)) {
    return cannot_keep(
        ErrorCode::kUnsupported, item,
        fmt::format("{}: Milvus keeps text (UTF-8), found other bytes", is_milvus_text(item.id) ? "content" : "id"));
  }
  if (!item.data.empty()) {
    return cannot_keep(ErrorCode::kUnsupported, item, "a milvus collection keeps no files, only their paths");
  }
  if (item.content.size() > kMilvusTextSizeBytesMax) {
    return cannot_keep(
        ErrorCode::kLimitExceeded, item,
        fmt::format("content: expected at most {} bytes, found {}", kMilvusTextSizeBytesMax, item.content.size()));
  }
  if (item.content_sha256.size() > kMilvusDigestSizeBytesMax) {
    return cannot_keep(ErrorCode::kInvalidArgument, item, "content_sha256: expected 64 hexadecimal digits");
  }
  const auto metadata = plain_metadata(item);
  if (metadata && metadata->size() > kMilvusMetadataSizeBytesMax) {
    return cannot_keep(
        ErrorCode::kLimitExceeded, item,
        fmt::format("metadata: expected at most {} bytes, found {}", kMilvusMetadataSizeBytesMax, metadata->size()));
  }
  return metadata ? Result<void>{} : std::unexpected(metadata.error());
}

std::vector<std::string> milvus_columns(const ItemParts& parts) {
  std::vector<std::string> names{kMilvusId, kMilvusSlot, kMilvusKind};
  if (parts.content) {
    names.insert(names.end(), {kMilvusContent, kMilvusDigest});
  }
  if (parts.metadata) {
    names.emplace_back(kMilvusMetadata);
  }
  if (parts.vector) {
    names.emplace_back(kMilvusVector);
  }
  return names;
}

Result<void> write_milvus_rows(std::span<const Item* const> items, std::int64_t first_slot, std::size_t dim,
                               MilvusColumns& columns) {
  columns.Reserve(7);  // so that what add_column() gave stays where it is
  auto& ids = add_texts(columns, kMilvusId);
  auto& slots = *add_column(columns, kMilvusSlot, milvus_schema::Int64).mutable_scalars()->mutable_long_data();
  auto& kinds = add_texts(columns, kMilvusKind);
  auto& contents = add_column(columns, kMilvusContent, milvus_schema::VarChar);
  auto& texts = *contents.mutable_scalars()->mutable_string_data();
  auto& digests = add_texts(columns, kMilvusDigest);
  auto& metadata = *add_column(columns, kMilvusMetadata, milvus_schema::JSON).mutable_scalars()->mutable_json_data();
  auto& vectors = *add_column(columns, kMilvusVector, milvus_schema::FloatVector).mutable_vectors();
  vectors.set_dim(static_cast<std::int64_t>(dim));
  auto& numbers = *vectors.mutable_float_vector()->mutable_data();
  numbers.Reserve(static_cast<int>(items.size() * dim));
  for (const auto* item : items) {
    auto json = plain_metadata(*item);
    if (!json) {
      return std::unexpected(std::move(json.error()));
    }
    ids.add_data(item->id);
    slots.add_data(first_slot++);
    kinds.add_data(std::string(item_kind_name(item->kind)));
    contents.add_valid_data(!item->content.empty());
    if (!item->content.empty()) {
      texts.add_data(item->content);
    }
    digests.add_data(content_digest(*item));
    metadata.add_data(std::move(*json));
    numbers.Add(item->vector.begin(), item->vector.end());
  }
  return {};
}

Result<std::vector<MilvusRow>> read_milvus_rows(const MilvusColumns& columns, const milvus_schema::IDs* ids,
                                                std::size_t dim, std::string_view shown) {
  RowReader reader(dim, shown);
  if (ids != nullptr) {
    if (auto read = reader.read_ids(*ids); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  for (const auto& column : columns) {
    if (auto read = reader.read(column); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  return reader.take();
}

std::string milvus_literal(std::string_view text) {
  return Json(text).dump();
}

std::string milvus_in(std::string_view field, std::span<const std::string> values) {
  std::string list;
  for (const auto& value : values) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", milvus_literal(value));
  }
  return fmt::format("{} in [{}]", field, list);
}

}  // namespace asterism
