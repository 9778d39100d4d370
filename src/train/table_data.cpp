#include "train/table_data.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "base/sha256.hpp"
#include "train/split.hpp"
#include "train/table_rows.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

using Cells = std::span<const std::optional<std::string>>;

class TableReader {
 public:
  TableReader(const Recipe& recipe, const TableContent& content)
      : recipe_(recipe), data_(recipe.data), content_(content) {
    columns_ = data_.numeric_columns;
    columns_.insert(columns_.end(), data_.categorical_columns.begin(), data_.categorical_columns.end());
    learnt_count_ = columns_.size();
    for (const std::string* more : {&content_.column, &data_.label_column, &data_.group_column}) {
      places_.push_back(more->empty() ? -1 : static_cast<std::ptrdiff_t>(columns_.size()));
      if (!more->empty()) {
        columns_.push_back(*more);
      }
    }
  }

  Result<TableData> read() {
    if (auto ok = check_columns(); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = choose_splits(); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = fit(); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = code(); !ok) {
      return std::unexpected(ok.error());
    }
    return finish();
  }

 private:
  enum Place : std::uint8_t { kContent, kLabel, kGroup };

  std::string section() const { return fmt::format("{}: [data]", recipe_.file.string()); }
  std::string cell(Cells cells, Place which) const {
    const std::ptrdiff_t place = places_[which];
    return place < 0 ? std::string() : cells[static_cast<std::size_t>(place)].value_or(std::string());
  }

  Result<void> check_columns() const {
    std::vector<std::string> learnt(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(learnt_count_));
    if (learnt.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected columns to learn from, found none", section()),
                  "name them in numeric_columns and categorical_columns");
    }
    if (std::ranges::find(learnt, data_.label_column) != learnt.end()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: label_column '{}' is among the columns that are learnt from", section(), data_.label_column),
          "labels are only for the figures: leave the column out of the others, or leave label_column out");
    }
    std::ranges::sort(learnt);
    const auto twice = std::ranges::adjacent_find(learnt);
    if (twice != learnt.end()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected the column '{}' once", section(), *twice),
                  "a column is numeric or categorical");
    }
    return {};
  }

  // Calls visit(cells, table) for each row that can be used, in the same order every time; `broken` for the others.
  Result<void> each(const std::function<Result<void>(Cells, const fs::path&)>& visit,
                    const BrokenRowVisitor& broken) const {
    for (const std::string& input : data_.inputs) {
      const fs::path path = recipe_.file.parent_path() / input;
      const auto take = [&](Cells cells, std::uint64_t line) -> Result<void> {
        if (auto usable = check_row(cells, path); !usable) {
          broken({usable.error().code, fmt::format("{}:{}: {}", path.string(), line, usable.error().message), ""});
          return {};
        }
        return visit(cells, path);
      };
      if (auto ok = for_each_table_row(path, columns_, take, broken); !ok) {
        return ok;
      }
    }
    return {};
  }

  Result<void> check_row(Cells cells, const fs::path& table) const {
    for (std::size_t i = 0; i < data_.numeric_columns.size(); ++i) {
      if (const auto number = parse_cell(cells[i], data_.numeric_columns[i]); !number) {
        return std::unexpected(number.error());
      }
    }
    if (content_.column.empty()) {
      return {};
    }
    const std::string content = cell(cells, kContent);
    std::error_code ignored;
    if (content.empty() || (content_.is_file && !fs::is_regular_file(file_of(content, table), ignored))) {
      return fail(ErrorCode::kNotFound, fmt::format("column '{}': expected {}, found '{}'", content_.column,
                                                    content_.is_file ? "a file that is there" : "a text", content));
    }
    return {};
  }

  fs::path file_of(const std::string& content, const fs::path& table) const {
    return table.parent_path() / data_.image_folder / content;
  }

  // What tells rows apart, for their split.
  std::string key_of(Cells cells) const {
    const std::string group = cell(cells, kGroup);
    if (!group.empty()) {
      return "group:" + group;
    }
    std::string key = cell(cells, kContent);
    for (std::size_t i = 0; i < learnt_count_; ++i) {
      key += '\x1F' + cells[i].value_or(std::string());
    }
    return key;
  }

  Result<void> choose_splits() {
    const SplitShares shares{data_.validation_share, data_.test_share, data_.split_seed};
    std::vector<double> positions;
    const auto take = [&](Cells cells, const fs::path& /*table*/) -> Result<void> {
      const std::string key = key_of(cells);
      split_of_row_.push_back(split_of(key, shares));
      if (data_.row_count_max > 0) {
        positions.push_back(thinning_position(key, data_.split_seed));
      }
      return {};
    };
    const auto broken = [&](const Error& error) { out_.report.skip(error.message); };
    if (auto ok = each(take, broken); !ok) {
      return ok;
    }
    kept_.assign(split_of_row_.size(), data_.row_count_max == 0);
    for (const std::size_t row : thinned_rows(positions, static_cast<std::size_t>(data_.row_count_max))) {
      kept_[row] = true;
    }
    return check_rows();
  }

  Result<void> check_rows() const {
    std::int64_t train_count = 0;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      train_count += kept_[i] && split_of_row_[i] == Split::kTrain ? 1 : 0;
    }
    if (kept_.empty() && out_.report.skipped_count > 0) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: none of {} rows can be used; the first: {}", section(), out_.report.skipped_count,
                              out_.report.skipped.front()),
                  "a column that holds no numbers belongs to categorical_columns");
    }
    if (train_count < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected at least two rows to learn from, found {} of {}", section(), train_count,
                              kept_.size()),
                  "give more rows, or change validation_share, test_share or split_seed in [data]");
    }
    return {};
  }

  // Calls visit(cells, split, table) for the rows that rows_max leaves.
  Result<void> each_kept(const std::function<Result<void>(Cells, Split, const fs::path&)>& visit) const {
    std::size_t next = 0;
    const auto take = [&](Cells cells, const fs::path& table) -> Result<void> {
      if (next >= kept_.size()) {
        return changed();
      }
      const std::size_t row = next++;
      return kept_[row] ? visit(cells, split_of_row_[row], table) : Result<void>{};
    };
    auto ok = each(take, [](const Error& /*error*/) {});
    return ok && next != kept_.size() ? changed() : ok;
  }
  std::unexpected<Error> changed() const {
    return fail(ErrorCode::kIo, fmt::format("{}: the table changed while it was read", section()),
                "run again once nothing else writes to it");
  }

  Result<void> fit() {
    TableColumnsFit fit(data_.numeric_columns, data_.categorical_columns);
    const auto take = [&](Cells cells, Split split, const fs::path& /*table*/) {
      return split == Split::kTrain ? fit.add(cells.first(learnt_count_)) : Result<void>{};
    };
    if (auto ok = each_kept(take); !ok) {
      return ok;
    }
    auto fitted = fit.finish(data_.rare_count_min);
    if (content_.all_columns) {
      fitted.constant.clear();  // what is the same here was not where their model was fitted
    } else if (fitted.columns.names().empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: every column has one value only ({}): nothing can be learnt", section(),
                              fmt::join(fitted.constant, ", ")),
                  "name columns that tell the rows apart, or lower rare_count_min");
    }
    for (const std::string& name : fitted.constant) {
      out_.report.warnings.push_back(
          fmt::format("column '{}' has one value in all rows that are learnt from, and is left out", name));
    }
    for (const std::string& name : fitted.columns.names()) {
      learnt_places_.push_back(static_cast<std::size_t>(std::ranges::find(columns_, name) - columns_.begin()));
    }
    out_.coder = TableCoder(std::move(fitted.columns));
    record_places_ = learnt_places_;
    if (content_.all_columns) {
      record_places_.resize(learnt_count_);
      std::iota(record_places_.begin(), record_places_.end(), std::size_t{0});
    }
    return {};
  }

  Result<void> code() {
    std::vector<float> numeric(static_cast<std::size_t>(out_.columns().numeric_size()));
    std::vector<std::int32_t> ids(out_.columns().categorical.size());
    std::vector<std::optional<std::string>> learnt(learnt_places_.size());
    return each_kept([&](Cells cells, Split split, const fs::path& table) -> Result<void> {
      for (std::size_t i = 0; i < learnt.size(); ++i) {
        learnt[i] = cells[learnt_places_[i]];
      }
      if (auto coded = out_.coder.encode(learnt, numeric, ids); !coded) {
        out_.report.skip(coded.error().message);
        return {};
      }
      out_.numeric.insert(out_.numeric.end(), numeric.begin(), numeric.end());
      out_.ids.insert(out_.ids.end(), ids.begin(), ids.end());
      out_.splits[static_cast<std::size_t>(split)].push_back(out_.row_count++);
      if (!content_.column.empty()) {
        add_record(cells, table);
      }
      if (!data_.label_column.empty()) {
        names_.push_back(cell(cells, kLabel));
      }
      return {};
    });
  }

  void add_record(Cells cells, const fs::path& table) {
    Record record;
    for (const std::size_t place : record_places_) {
      record.push_back(cells[place]);
    }
    const std::string content = cell(cells, kContent);
    record.emplace_back(content_.is_file ? file_of(content, table).string() : content);
    out_.records.push_back(std::move(record));
  }

  Result<TableData> finish() {
    DataReport& report = out_.report;
    std::map<std::string, std::int32_t, std::less<>> numbers;
    for (const std::string& name : names_) {
      if (!name.empty()) {
        numbers.emplace(name, 0);
      }
    }
    for (auto& [name, number] : numbers) {
      number = static_cast<std::int32_t>(report.classes.size());
      report.classes.push_back({.name = name});
    }
    for (const std::string& name : names_) {
      out_.labels.push_back(name.empty() ? -1 : numbers.find(name)->second);
    }
    for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
      count_of(report, split) = static_cast<std::int64_t>(out_.rows(split).size());
      for (const std::int64_t row : out_.rows(split)) {
        const std::int32_t label = out_.labels.empty() ? -1 : out_.labels[static_cast<std::size_t>(row)];
        if (label >= 0) {
          ++count_of(report.classes[static_cast<std::size_t>(label)], split);
        }
      }
    }
    return std::move(out_);
  }

  const Recipe& recipe_;
  const DataRecipe& data_;
  const TableContent& content_;
  std::vector<std::string> columns_;  // numeric, categorical, then those of places_
  std::size_t learnt_count_ = 0;
  std::vector<std::ptrdiff_t> places_;      // by Place; -1 = not asked for
  std::vector<std::size_t> learnt_places_;  // of the columns that are not constant
  std::vector<std::size_t> record_places_;  // of the cells of a fusion's records
  std::vector<Split> split_of_row_;
  std::vector<bool> kept_;
  std::vector<std::string> names_;  // labels of the coded rows
  TableData out_;
};

// What a checkpoint knows the rows by.
std::map<std::string, std::string> digests_of(const TableData& data) {
  Sha256 cells;
  cells.update(std::as_bytes(std::span(data.numeric)));
  cells.update(std::as_bytes(std::span(data.ids)));
  Sha256 labels;
  labels.update(std::as_bytes(std::span(data.labels)));
  Sha256 splits;
  for (const std::vector<std::int64_t>& rows : data.splits) {
    splits.update(std::as_bytes(std::span(rows)));
  }
  return {{"cells", cells.hex()}, {"labels", labels.hex()}, {"splits", splits.hex()}};
}

}  // namespace

std::span<const float> TableData::numeric_of(std::int64_t row) const {
  const auto size = static_cast<std::size_t>(columns().numeric_size());
  return std::span(numeric).subspan(static_cast<std::size_t>(row) * size, size);
}

std::span<const std::int32_t> TableData::ids_of(std::int64_t row) const {
  const std::size_t size = columns().categorical.size();
  return std::span(ids).subspan(static_cast<std::size_t>(row) * size, size);
}

Result<TableData> read_table_data(const Recipe& recipe, const TableContent& content) {
  auto data = TableReader(recipe, content).read();
  if (data) {
    data->report.digests = digests_of(*data);
  }
  return data;
}

}  // namespace asterism
