#include "service/projector_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"
#include "dataset/metadata.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

// Takes the next line off a text, without its end.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t tab = line.find('\t');
    out.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) {
      return out;
    }
    line.remove_prefix(tab + 1);
  }
}

Result<std::string> read_named(const fs::path& config, const Json& embedding, std::string_view key) {
  const auto path = json_get<std::string>(embedding, key, config.string());
  if (!path) {
    return std::unexpected(path.error());
  }
  if (path->find("://") != std::string::npos) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: \"{}\": {} is an address, and none is fetched", config.string(),
                                                     key, *path),
                "fetch the file, and name its path");
  }
  return read_file(config.parent_path() / *path, kProjectorFileSizeBytesMax);
}

Result<std::vector<float>> raw_vectors(std::string_view bytes, const Json& embedding, std::string_view source,
                                       std::size_t& dim) {
  const auto shape = embedding.find("tensorShape");
  if (shape == embedding.end() || !shape->is_array() || shape->size() != 2 || !(*shape)[0].is_number_unsigned() ||
      !(*shape)[1].is_number_unsigned()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"tensorShape\": expected [rows, dim]", source));
  }
  const auto row_count = (*shape)[0].get<std::uint64_t>();
  dim = (*shape)[1].get<std::uint64_t>();
  if (dim == 0 || dim > kCollectionDimMax || bytes.size() / (dim * sizeof(float)) != row_count ||
      bytes.size() % (dim * sizeof(float)) != 0) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected {} x {} float32, found {} bytes", source, row_count, dim,
                                                 bytes.size()));
  }
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

struct MetadataTable {
  std::vector<std::string> heading;
  std::vector<std::vector<std::string_view>> rows;
};

MetadataTable parse_metadata(std::string_view text) {
  MetadataTable out;
  std::string_view rest = text;
  if (const std::string_view first = text.substr(0, text.find('\n')); first.find('\t') != std::string_view::npos) {
    for (const std::string_view cell : cells_of(take_line(rest))) {
      out.heading.emplace_back(cell);
    }
  } else {
    out.heading = {"label"};
  }
  while (!rest.empty()) {
    out.rows.push_back(cells_of(take_line(rest)));
  }
  return out;
}

std::size_t text_column(const std::vector<std::string>& heading) {
  for (const std::string_view name : {"text", "label", "name", "word", "title"}) {
    const auto found = std::ranges::find_if(heading, [&](const std::string& column) {
      return std::ranges::equal(column, name, [](char a, char b) { return (a | 0x20) == b; });
    });
    if (found != heading.end()) {
      return static_cast<std::size_t>(found - heading.begin());
    }
  }
  return 0;
}

void set_metadata(const MetadataTable& table, std::size_t row, std::size_t text_place, Item& item) {
  std::string metadata = "{";
  const auto& cells = table.rows[row];
  for (std::size_t i = 0; i < std::min(cells.size(), table.heading.size()); ++i) {
    if (i == text_place) {
      item.kind = ItemKind::kText;
      item.content = cells[i];
    } else {
      append_metadata_cell(metadata, table.heading[i], cells[i]);
    }
  }
  item.metadata = metadata + "}";
}

}  // namespace

Result<std::vector<float>> parse_vectors_tsv(std::string_view text, std::string_view source, std::size_t& dim) {
  std::vector<float> out;
  dim = 0;
  std::size_t line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    ++line_number;
    const auto cells = cells_of(line);
    dim = dim == 0 ? cells.size() : dim;
    if (cells.size() != dim || dim > kCollectionDimMax) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}:{}: expected {} numbers, found {}", source, line_number,
                                                   std::min(dim, kCollectionDimMax), cells.size()));
    }
    for (const std::string_view cell : cells) {
      float value = 0.0F;
      const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (failure != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) {
        return fail(ErrorCode::kCorrupt,
                    fmt::format("{}:{}: expected a finite number, found \"{}\"", source, line_number, cell.substr(0, 40)));
      }
      out.push_back(value);
    }
  }
  if (out.empty()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected vectors, found none", source));
  }
  return out;
}

Result<ProjectorItems> read_projector(const std::string& config_path) {
  const fs::path config(config_path);
  const auto json = read_json_file(config);
  if (!json) {
    return std::unexpected(json.error());
  }
  const auto embeddings = json->is_object() ? json->find("embeddings") : json->end();
  if (embeddings == json->end() || !embeddings->is_array() || embeddings->empty() || !embeddings->front().is_object()) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: \"embeddings\": expected a list of one", config_path));
  }
  const Json& embedding = embeddings->front();
  const auto bytes = read_named(config, embedding, "tensorPath");
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  const auto tensor_path = embedding["tensorPath"].get<std::string>();
  ProjectorItems out;
  const auto values = tensor_path.ends_with(".tsv") ? parse_vectors_tsv(*bytes, tensor_path, out.dim)
                                                    : raw_vectors(*bytes, embedding, tensor_path, out.dim);
  if (!values) {
    return std::unexpected(values.error());
  }
  const std::size_t row_count = values->size() / out.dim;
  std::string metadata;
  MetadataTable table;
  if (embedding.contains("metadataPath")) {
    auto read = read_named(config, embedding, "metadataPath");
    if (!read) {
      return std::unexpected(std::move(read.error()));
    }
    metadata = *std::move(read);
    table = parse_metadata(metadata);
    if (table.rows.size() != row_count) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: expected a row of metadata for each of the {} vectors, found {}",
                                                    config_path, row_count, table.rows.size()));
    }
  }
  const std::size_t text_place = text_column(table.heading);
  for (std::size_t row = 0; row < row_count; ++row) {
    Item& item = out.items.emplace_back();
    item.id = std::to_string(row);
    const auto vector = std::span(*values).subspan(row * out.dim, out.dim);
    item.vector.assign(vector.begin(), vector.end());
    if (!table.rows.empty()) {
      set_metadata(table, row, text_place, item);
    }
  }
  return out;
}

}  // namespace asterism::service
