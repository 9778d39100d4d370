#include "service/atlas_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dataset/csv_cell.hpp"
#include "dataset/parquet_writer.hpp"
#include "dataset/zip_writer.hpp"
#include "service/atlas_pictures.hpp"
#include "service/iso_date.hpp"

namespace asterism::service {
namespace {

constexpr std::size_t kBatchRowCount = 1000;
constexpr std::string_view kAxes = "xyz";

// One row with its values by path.
struct TableRow {
  std::uint32_t row = 0;
  Item item;
  std::map<std::string, Json, std::less<>> values;
};

Result<void> visit_rows(const Collection& collection, const AtlasSnapshot& snapshot,
                        std::span<const std::uint32_t> rows, bool with_vectors,
                        const std::function<Result<void>(const TableRow&)>& visit) {
  const ItemParts parts{.metadata = true, .content = true, .data = false, .vector = with_vectors};
  for (std::size_t begin = 0; begin < rows.size(); begin += kBatchRowCount) {
    const auto batch = rows.subspan(begin, std::min(kBatchRowCount, rows.size() - begin));
    std::vector<std::string> ids;
    for (const std::uint32_t row : batch) {
      ids.emplace_back(snapshot.ids.id(row));
    }
    auto items = collection.get(ids, parts);
    if (!items) {
      return std::unexpected(std::move(items.error()));
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!(*items)[i]) {
        continue;
      }
      TableRow row{.row = batch[i], .item = *std::move((*items)[i]), .values = {}};
      if (const auto metadata = parse_json(row.item.metadata, "metadata"); metadata && metadata->is_object()) {
        visit_metadata(*metadata, [&](const std::string& path, const Json& value) { row.values.emplace(path, value); });
      }
      if (auto visited = visit(row); !visited) {
        return visited;
      }
    }
  }
  return {};
}

const Json* value_of(const TableRow& row, const std::string& path) {
  const auto found = row.values.find(path);
  return found == row.values.end() ? nullptr : &found->second;
}

// Names of the metadata's columns beside those that every table has.
std::vector<std::string> heading_of(const AtlasSnapshot& snapshot, std::size_t map_dim, bool with_vectors) {
  std::vector<std::string> taken{"id", "text"};
  for (std::size_t d = 0; d < map_dim; ++d) {
    taken.emplace_back(1, kAxes[d]);
  }
  if (with_vectors) {
    taken.emplace_back("vector");
  }
  std::vector<std::string> out;
  for (const AtlasColumn& column : snapshot.columns) {
    const bool is_taken = std::ranges::find(taken, column.name) != taken.end();
    out.push_back(is_taken ? fmt::format("metadata.{}", column.name) : column.name);
  }
  return out;
}

// Tabs and ends of lines, which the format can not say, become blanks.
std::string tsv_cell(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(
      out, [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return out;
}

std::string_view text_of(const Item& item) {
  return item.kind == ItemKind::kVector ? std::string_view() : std::string_view(item.content);
}

std::vector<ParquetColumn> parquet_columns(const AtlasSnapshot& snapshot, std::size_t map_dim) {
  std::vector<ParquetColumn> out{{.name = "id"}, {.name = "text"}};
  const std::vector<std::string> heading = heading_of(snapshot, map_dim, true);
  for (std::size_t i = 0; i < heading.size(); ++i) {
    const AtlasColumnType type = snapshot.columns[i].type;
    out.push_back({.name = heading[i],
                   .type = type == AtlasColumnType::kNumber ? ParquetType::kNumber
                           : type == AtlasColumnType::kDate ? ParquetType::kDate
                                                            : ParquetType::kText});
  }
  for (std::size_t d = 0; d < map_dim; ++d) {
    out.push_back({.name = std::string(1, kAxes[d]), .type = ParquetType::kNumber});
  }
  out.push_back({.name = "vector", .type = ParquetType::kFloatList});
  return out;
}

// A value of another type than the column had in the snapshot is missing: it was written since.
void set_value(ParquetWriter& writer, std::size_t column, AtlasColumnType type, const Json& value) {
  if (type == AtlasColumnType::kNumber) {
    if (value.is_number()) {
      writer.set_number(column, value.get<double>());
    }
  } else if (type == AtlasColumnType::kDate) {
    const auto date = value.is_string() ? parse_iso_date(value.get_ref<const std::string&>()) : std::nullopt;
    if (date) {
      writer.set_date(column, *date);
    }
  } else {
    writer.set_text(column, metadata_text(value));
  }
}

struct ProjectorTables {
  std::string vectors;
  std::string metadata;
  std::vector<std::uint32_t> rows;  // that are there
};

Result<ProjectorTables> projector_tables(const Collection& collection, const AtlasSnapshot& snapshot,
                                         std::span<const std::uint32_t> rows) {
  ProjectorTables out;
  out.metadata = "id\ttext";
  for (const std::string& name : heading_of(snapshot, 0, false)) {
    out.metadata += fmt::format("\t{}", tsv_cell(name));
  }
  out.metadata += '\n';
  auto visited = visit_rows(collection, snapshot, rows, true, [&](const TableRow& row) -> Result<void> {
    for (std::size_t i = 0; i < row.item.vector.size(); ++i) {
      fmt::format_to(std::back_inserter(out.vectors), "{}{}", i == 0 ? "" : "\t", row.item.vector[i]);
    }
    out.vectors += '\n';
    out.metadata += fmt::format("{}\t{}", tsv_cell(row.item.id), tsv_cell(text_of(row.item)));
    for (const AtlasColumn& column : snapshot.columns) {
      const Json* value = value_of(row, column.name);
      out.metadata += fmt::format("\t{}", value == nullptr ? std::string() : tsv_cell(metadata_text(*value)));
    }
    out.metadata += '\n';
    out.rows.push_back(row.row);
    return {};
  });
  return visited ? Result<ProjectorTables>(std::move(out)) : std::unexpected(std::move(visited.error()));
}

class CsvTable final : public AtlasTable {
 public:
  CsvTable(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
           std::vector<std::uint32_t> rows)
      : AtlasTable(collection, snapshot, map, std::move(rows)) {}

 private:
  Result<void> begin(std::string& out) override {
    out += "id,text";
    for (const std::string& name : heading_of(snapshot_, map_dim_, false)) {
      out += ',';
      append_csv_cell(out, name);
    }
    for (std::size_t d = 0; d < map_dim_; ++d) {
      out += fmt::format(",{}", kAxes[d]);
    }
    out += "\r\n";
    return {};
  }

  Result<void> add(std::span<const std::uint32_t> rows, std::string& out) override {
    return visit_rows(collection_, snapshot_, rows, false, [&](const TableRow& row) -> Result<void> {
      append_csv_cell(out, row.item.id);
      out += ',';
      append_csv_cell(out, text_of(row.item));
      for (const AtlasColumn& column : snapshot_.columns) {
        out += ',';
        if (const Json* value = value_of(row, column.name)) {
          append_csv_cell(out, metadata_text(*value));
        }
      }
      for (std::size_t d = 0; d < map_dim_; ++d) {
        const float place = map_->points[row.row * map_dim_ + d];
        out += std::isnan(place) ? std::string(",") : fmt::format(",{}", place);
      }
      out += "\r\n";
      return {};
    });
  }

  Result<void> end(std::string& /*out*/) override { return {}; }
};

class ParquetTable final : public AtlasTable {
 public:
  ParquetTable(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
               std::vector<std::uint32_t> rows)
      : AtlasTable(collection, snapshot, map, std::move(rows)),
        writer_(parquet_columns(snapshot, map_dim_), [this](std::string_view bytes) -> Result<void> {
          written_ += bytes;
          return {};
        }) {}

 private:
  Result<void> begin(std::string& /*out*/) override { return {}; }

  Result<void> add(std::span<const std::uint32_t> rows, std::string& out) override {
    const std::size_t metadata_first = 2;
    const std::size_t place_first = metadata_first + snapshot_.columns.size();
    auto visited = visit_rows(collection_, snapshot_, rows, true, [&](const TableRow& row) -> Result<void> {
      writer_.set_text(0, row.item.id);
      if (row.item.kind != ItemKind::kVector) {
        writer_.set_text(1, row.item.content);
      }
      for (std::size_t i = 0; i < snapshot_.columns.size(); ++i) {
        if (const Json* value = value_of(row, snapshot_.columns[i].name)) {
          set_value(writer_, metadata_first + i, snapshot_.columns[i].type, *value);
        }
      }
      for (std::size_t d = 0; d < map_dim_; ++d) {
        const float place = map_->points[row.row * map_dim_ + d];
        if (!std::isnan(place)) {
          writer_.set_number(place_first + d, static_cast<double>(place));
        }
      }
      writer_.set_floats(place_first + map_dim_, row.item.vector);
      return writer_.end_row();
    });
    out += std::exchange(written_, {});
    return visited;
  }

  Result<void> end(std::string& out) override {
    auto finished = writer_.finish();
    out += std::exchange(written_, {});
    return finished;
  }

  std::string written_;
  ParquetWriter writer_;
};

}  // namespace

Result<AtlasTableFormat> parse_table_format(std::string_view name) {
  if (name == "csv") {
    return AtlasTableFormat::kCsv;
  }
  if (name == "parquet") {
    return AtlasTableFormat::kParquet;
  }
  if (name == "projector") {
    return AtlasTableFormat::kProjector;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("format: expected csv, parquet or projector, found \"{}\"", name));
}

AtlasTable::AtlasTable(const Collection& collection, const AtlasSnapshot& snapshot, const AtlasMap* map,
                       std::vector<std::uint32_t> rows)
    : collection_(collection),
      snapshot_(snapshot),
      map_(map),
      map_dim_(map == nullptr ? 0 : map->summary.dim),
      rows_(std::move(rows)) {}

Result<std::unique_ptr<AtlasTable>> AtlasTable::open(const Collection& collection, const AtlasSnapshot& snapshot,
                                                     const AtlasMap* map, std::vector<std::uint32_t> rows,
                                                     AtlasTableFormat format) {
  switch (format) {
    case AtlasTableFormat::kCsv:
      return std::make_unique<CsvTable>(collection, snapshot, map, std::move(rows));
    case AtlasTableFormat::kParquet:
      return std::make_unique<ParquetTable>(collection, snapshot, map, std::move(rows));
    case AtlasTableFormat::kProjector:
      break;
  }
  return fail(ErrorCode::kUnsupported, "table: expected csv or parquet, found the projector's archive");
}

Result<std::optional<std::string>> AtlasTable::next() {
  std::string out;
  if (!begun_) {
    begun_ = true;
    if (auto begun = begin(out); !begun) {
      return std::unexpected(std::move(begun.error()));
    }
  }
  while (!ended_ && out.size() < kPieceSizeBytesMin) {
    const auto batch = std::span(rows_).subspan(position_, std::min(kBatchRowCount, rows_.size() - position_));
    position_ += batch.size();
    ended_ = batch.empty();
    auto added = ended_ ? end(out) : add(batch, out);
    if (!added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  return out.empty() ? std::optional<std::string>{} : std::optional(std::move(out));
}

Result<std::string> projector_archive(const Collection& collection, const AtlasSnapshot& snapshot,
                                      std::span<const std::uint32_t> rows) {
  if (rows.size() > kProjectorRowCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("projector: expected at most {} rows, found {}", kProjectorRowCountMax, rows.size()),
                "select fewer, or take Parquet");
  }
  const auto tables = projector_tables(collection, snapshot, rows);
  if (!tables) {
    return std::unexpected(tables.error());
  }
  Json embedding{{"tensorName", snapshot.collection},
                 {"tensorShape", {tables->rows.size(), snapshot.settings.dim}},
                 {"tensorPath", "vectors.tsv"},
                 {"metadataPath", "metadata.tsv"}};
  ZipWriter zip;
  auto added = zip.add("vectors.tsv", tables->vectors);
  added = added ? zip.add("metadata.tsv", tables->metadata) : added;
  if (added && snapshot.kind == ItemKind::kImage && !tables->rows.empty() &&
      tables->rows.size() <= kProjectorPictureCountMax) {
    const auto grid_edge = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(tables->rows.size()))));
    const auto sheet = AtlasPictures::sheet(collection, snapshot, tables->rows, grid_edge, kProjectorPictureEdge);
    if (!sheet) {
      return std::unexpected(sheet.error());
    }
    embedding["sprite"] = {{"imagePath", "sprite.jpg"},
                           {"singleImageDim", {kProjectorPictureEdge, kProjectorPictureEdge}}};
    added = zip.add("sprite.jpg", *sheet);
  }
  const Json config{{"embeddings", Json::array({embedding})}};
  added = added ? zip.add("projector_config.json", config.dump(2, ' ', false, Json::error_handler_t::replace)) : added;
  return added ? Result<std::string>(zip.finish()) : std::unexpected(std::move(added.error()));
}

}  // namespace asterism::service
