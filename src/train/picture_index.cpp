#include "train/picture_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/file.hpp"
#include "dataset/folder_files.hpp"
#include "dataset/image_names.hpp"
#include "image/decode.hpp"
#include "train/label_column.hpp"
#include "train/name_pattern.hpp"
#include "train/split.hpp"
#include "train/table_rows.hpp"
#include "weights/npy.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// A row before labels have numbers and splits are known.
struct NamedRow {
  PictureRow row;
  std::string key;  // what the split is decided by
  std::string group;
  std::optional<std::string> label;
};

Result<std::optional<NamePattern>> parsed(const std::string& pattern, std::string_view key) {
  if (pattern.empty()) {
    return std::nullopt;
  }
  auto out = NamePattern::parse(pattern, key);
  return out ? Result<std::optional<NamePattern>>(*std::move(out)) : std::unexpected(out.error());
}

class IndexReader {
 public:
  // `section` of the recipe's file has said `data`.
  IndexReader(const Recipe& recipe, const DataRecipe& data, std::string section)
      : recipe_(recipe), data_(data), section_(std::move(section)) {}

  Result<PictureIndex> read() {
    auto label_pattern = parsed(data_.label_pattern, section_ + ".label_pattern");
    auto group_pattern = parsed(data_.group_pattern, section_ + ".group_pattern");
    if (!label_pattern || !group_pattern) {
      return std::unexpected(label_pattern ? group_pattern.error() : label_pattern.error());
    }
    label_pattern_ = std::move(*label_pattern);
    group_pattern_ = std::move(*group_pattern);
    for (const std::string& input : data_.inputs) {
      if (auto ok = read_input(recipe_.file.parent_path() / input); !ok) {
        return std::unexpected(ok.error());
      }
    }
    if (auto ok = add_sheet_labels(); !ok) {
      return std::unexpected(ok.error());
    }
    return finish();
  }

 private:
  Result<void> read_input(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      return read_folder(path);
    }
    if (!fs::exists(path, error)) {
      return fail(ErrorCode::kNotFound, fmt::format("{}: no such file or folder", path.string()),
                  "inputs of a recipe are relative to its file, those of --input to where you are");
    }
    const std::string name = path.filename().string();
    if (name.ends_with(".npy")) {
      return read_array(path);
    }
    if (data_.tile_size > 0 && has_image_extension(name)) {
      return read_sprite(path);
    }
    if (has_text_extension(name)) {
      return read_table(path);
    }
    return fail(ErrorCode::kUnsupported, fmt::format("{}: expected a folder, a table (.csv, .tsv, .jsonl), an array "
                                                     "(.npy) or, with tile_size, a sheet of pictures",
                                                     path.string()));
  }

  void add_file(const std::string& path, std::string key, std::optional<std::string> label, std::string group) {
    const std::string stem = fs::path(path).stem().string();
    if (label_pattern_) {
      label = label_pattern_->take(stem);
    }
    if (group_pattern_) {
      group = group_pattern_->take(stem).value_or(std::string());
    }
    NamedRow row;
    row.row.name = path;
    row.key = std::move(key);
    row.group = std::move(group);
    row.label = std::move(label);
    rows_.push_back(std::move(row));
  }

  Result<void> read_folder(const fs::path& folder) {
    const auto files = make_folder_files({.root = folder.string()});
    FileEntry entry;
    std::set<std::string, std::less<>> classes;
    for (;;) {
      auto more = files->next(entry);
      if (!more) {
        return std::unexpected(more.error());
      }
      if (!*more) {
        name_empty_classes(folder, classes);
        return {};
      }
      if (entry.error) {
        return std::unexpected(*entry.error);
      }
      const fs::path below = fs::path(entry.path).lexically_relative(folder);
      const bool in_class = std::distance(below.begin(), below.end()) > 1;
      if (in_class) {
        classes.insert(below.begin()->string());
      }
      add_file(entry.path, below.generic_string(), in_class ? std::optional(below.begin()->string()) : std::nullopt,
               {});
    }
  }

  // Folders beside those of classes that hold no picture: of a class that one meant to have, nothing would be learnt.
  void name_empty_classes(const fs::path& folder, const std::set<std::string, std::less<>>& classes) {
    if (label_pattern_ || classes.empty()) {
      return;
    }
    std::vector<std::string> empty;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory(ignored) && !name.starts_with('.') && !classes.contains(name)) {
        empty.push_back(name);
      }
    }
    std::ranges::sort(empty);
    for (const std::string& name : empty) {
      warnings_.push_back(
          fmt::format("class '{}': no picture in {}, so it is no class", name, (folder / name).string()));
    }
  }

  Result<void> read_table(const fs::path& path) {
    std::vector<std::string> columns{data_.image_column.empty() ? std::string("path") : data_.image_column};
    for (const std::string& column : {data_.label_column, data_.group_column}) {
      if (!column.empty()) {
        columns.push_back(column);
      }
    }
    const fs::path root = path.parent_path() / data_.image_folder;
    return for_each_table_row(
        path, columns, [&](std::span<const std::optional<std::string>> cells, std::uint64_t /*line*/) -> Result<void> {
          if (!cells[0] || cells[0]->empty()) {
            return {};
          }
          std::optional<std::string> label;
          std::string group;
          std::size_t next = 1;
          if (!data_.label_column.empty()) {
            label = cells[next++];
            if (label && label->empty()) {
              label.reset();
            }
          }
          if (!data_.group_column.empty()) {
            group = cells[next].value_or(std::string());
          }
          const std::string file = (root / *cells[0]).string();
          std::error_code error;
          if (!fs::is_regular_file(file, error)) {
            ++missing_count_;
            if (missing_.size() < kSkippedNamesMax) {
              missing_.push_back(fmt::format("{}: no such file", file));
            }
            return {};
          }
          add_file(file, *cells[0], std::move(label), std::move(group));
          return {};
        });
  }

  void add_tiles(PictureSheet sheet, const fs::path& path, std::int64_t count) {
    const auto number = static_cast<std::int32_t>(sheets_.size());
    sheets_.push_back(std::move(sheet));
    for (std::int64_t i = 0; i < count; ++i) {
      NamedRow row;
      row.row = {.name = fmt::format("{}, row {}", path.string(), i), .sheet = number, .position = i};
      row.key = fmt::format("{}:{}", path.filename().string(), i);
      rows_.push_back(std::move(row));
      ++sheet_row_count_;
    }
  }

  Result<void> read_array(const fs::path& path) {
    auto array = read_npy(path);
    if (!array) {
      return std::unexpected(array.error());
    }
    const Shape& shape = array->shape();
    const bool is_pictures =
        array->dtype() == DType::kU8 && (shape.size() == 3 || (shape.size() == 4 && shape[3] == 3));
    if (!is_pictures) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("{}: expected pictures, u8 [rows, height, width] or [rows, height, width, 3], found {} {}",
                      path.string(), dtype_name(array->dtype()), shape_to_string(shape)));
    }
    if (shape[1] < 1 || shape[2] < 1) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected pictures of at least one pixel, found {}",
                                                           path.string(), shape_to_string(shape)));
    }
    const std::int64_t count = shape[0];
    add_tiles({.array = std::move(*array), .sprite = {}, .tile_size = 0}, path, count);
    return {};
  }

  Result<void> read_sprite(const fs::path& path) {
    auto bytes = read_file(path, kImageFileSizeBytesMax);
    auto image = bytes ? decode_image(std::as_bytes(std::span(*bytes))) : std::unexpected(bytes.error());
    if (!image) {
      Error error = image.error();
      error.message = fmt::format("{}: {}", path.string(), error.message);
      return std::unexpected(error);
    }
    const std::int64_t size = data_.tile_size;
    if (image->width % size != 0 || image->height % size != 0) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected edges that are multiples of tile_size {}, found {} x {}", path.string(),
                              size, image->width, image->height));
    }
    const std::int64_t count = (image->width / size) * (image->height / size);
    add_tiles({.array = {}, .sprite = std::move(*image), .tile_size = size}, path, count);
    return {};
  }

  Result<void> add_sheet_labels() {
    if (data_.labels_file.empty()) {
      return {};
    }
    auto labels = read_label_column(recipe_.file.parent_path() / data_.labels_file);
    if (!labels) {
      return std::unexpected(labels.error());
    }
    if (labels->size() != sheet_row_count_) {
      return fail(ErrorCode::kMismatch,
                  fmt::format("{}: expected a label for each of {} pictures, found {}", data_.labels_file,
                              sheet_row_count_, labels->size()),
                  "labels are in the order of the pictures of all arrays and sheets");
    }
    std::size_t next = 0;
    for (NamedRow& row : rows_) {
      if (row.row.sheet >= 0) {
        row.label = (*labels)[next++];
      }
    }
    return {};
  }

  // The rows that rows_max leaves: those that come first by their hash, so that more rows keep the earlier ones.
  void thin() {
    const auto most = static_cast<std::size_t>(data_.row_count_max);
    if (most == 0 || rows_.size() <= most) {
      return;
    }
    std::vector<double> positions;
    for (const NamedRow& row : rows_) {
      positions.push_back(thinning_position(row.key, data_.split_seed));
    }
    std::vector<NamedRow> kept;
    for (const std::size_t i : thinned_rows(positions, most)) {
      kept.push_back(std::move(rows_[i]));
    }
    rows_ = std::move(kept);
  }

  Result<PictureIndex> finish() {
    if (rows_.empty() && missing_count_ > 0) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: none of the {} files that [{}] inputs name is there; the first: {}",
                              recipe_.file.string(), missing_count_, section_, missing_.front()),
                  "paths are relative to the table, or to image_folder beside it");
    }
    if (rows_.empty()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: found no pictures in [{}] inputs: {}", recipe_.file.string(), section_,
                              fmt::join(data_.inputs, ", ")),
                  "pictures are .jpg, .png, .webp, .gif, .tif and .bmp files");
    }
    thin();
    std::map<std::string, std::int32_t, std::less<>> numbers;
    for (const NamedRow& row : rows_) {
      if (row.label) {
        numbers.emplace(*row.label, 0);
      }
    }
    PictureIndex index;
    for (auto& [name, number] : numbers) {
      number = static_cast<std::int32_t>(index.class_names.size());
      index.class_names.push_back(name);
    }
    const SplitShares shares{data_.validation_share, data_.test_share, data_.split_seed};
    for (NamedRow& row : rows_) {
      row.row.split = split_of(row.group.empty() ? row.key : "group:" + row.group, shares);
      row.row.label = row.label ? numbers.find(*row.label)->second : -1;
      index.rows.push_back(std::move(row.row));
    }
    index.sheets = std::move(sheets_);
    index.missing_count = missing_count_;
    index.missing = std::move(missing_);
    index.warnings = std::move(warnings_);
    return index;
  }

  const Recipe& recipe_;
  const DataRecipe& data_;
  const std::string section_;
  std::optional<NamePattern> label_pattern_;
  std::optional<NamePattern> group_pattern_;
  std::vector<NamedRow> rows_;
  std::vector<PictureSheet> sheets_;
  std::size_t sheet_row_count_ = 0;
  std::int64_t missing_count_ = 0;
  std::vector<std::string> missing_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<PictureIndex> read_picture_index(const Recipe& recipe) {
  return IndexReader(recipe, recipe.data, "data").read();
}

Result<PictureIndex> read_evaluated_index(const Recipe& recipe) {
  return IndexReader(recipe, recipe.evaluation, "evaluation").read();
}

std::int64_t append_evaluated(PictureIndex& index, PictureIndex evaluated) {
  for (PictureRow& row : index.rows) {
    row.label = -1;
  }
  const auto first = static_cast<std::int64_t>(index.rows.size());
  const auto sheet_count = static_cast<std::int32_t>(index.sheets.size());
  for (PictureRow& row : evaluated.rows) {
    row.sheet += row.sheet >= 0 ? sheet_count : 0;
    index.rows.push_back(std::move(row));
  }
  std::ranges::move(evaluated.sheets, std::back_inserter(index.sheets));
  index.class_names = std::move(evaluated.class_names);
  // Folders of what is learnt from are no classes then.
  index.warnings = std::move(evaluated.warnings);
  index.missing_count += evaluated.missing_count;
  for (std::string& missing : evaluated.missing) {
    if (index.missing.size() < kSkippedNamesMax) {
      index.missing.push_back(std::move(missing));
    }
  }
  return first;
}

}  // namespace asterism
