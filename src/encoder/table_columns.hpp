// Columns of a table as numbers: fitted on the rows that are learnt from, the same on every row later.
//
// A numeric column becomes (x - mean) / std; a missing number the mean, 0, and where training rows missed some, a
// column of its own says so (1 = missing). A categorical column becomes the number of its value: the values that
// training rows have often enough, the most frequent first, from 1; all others share 0. An empty cell is a value as
// others are. Ownership: values. Thread-safety: const members from many threads. Cost: a look-up for each cell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asterism/error.hpp"
#include "asterism/record.hpp"
#include "base/json.hpp"

namespace asterism {

struct NumericColumn {
  std::string name;
  double mean = 0.0;
  double std = 1.0;      // of the training rows, divided by their number; above 0
  bool missing = false;  // training rows missed some
};

struct CategoricalColumn {
  std::string name;
  std::vector<std::string> values;   // of number 1, 2, ...
  std::vector<std::int64_t> counts;  // of training rows: [0] all other values together, [i + 1] values[i]

  std::int64_t size() const noexcept { return static_cast<std::int64_t>(values.size()) + 1; }
};

struct TableColumns {
  std::vector<NumericColumn> numeric;
  std::vector<CategoricalColumn> categorical;

  // Names, numeric columns first: the order of a Record's cells.
  std::vector<std::string> names() const;
  // Of the numeric part: the columns, then those that say what is missing.
  std::int64_t numeric_size() const noexcept;
  std::vector<std::int64_t> category_sizes() const;
};

// "columns" of a config.json.
Json to_json(const TableColumns& columns);
// kCorrupt names what is wrong with the member.
Result<TableColumns> read_table_columns(const Json& config, std::string_view source);

// A number as tables write it, blanks around it allowed; empty is none. kInvalidArgument for what is no finite number.
Result<std::optional<double>> parse_cell(const std::optional<std::string>& cell, std::string_view column);

// Fits columns, row by row. Memory: every value of the categorical columns once.
class TableColumnsFit {
 public:
  TableColumnsFit(std::vector<std::string> numeric, std::vector<std::string> categorical);

  // Cells of the numeric columns, then of the categorical ones. kInvalidArgument (a number that is none) leaves the row
  // out.
  Result<void> add(std::span<const std::optional<std::string>> cells);
  struct Fitted {
    TableColumns columns;
    std::vector<std::string> constant;  // columns that say nothing, and are left out
  };
  // Values of at least `rare_count_min` rows have a number of their own; an empty cell has where there is one. Nothing
  // is left where every column is constant.
  Fitted finish(std::int64_t rare_count_min) const;

 private:
  struct Moments {  // Welford 1962
    std::int64_t count = 0;
    std::int64_t missing_count = 0;
    double mean = 0.0;
    double square_sum = 0.0;
  };
  std::vector<std::string> numeric_names_;
  std::vector<std::string> categorical_names_;
  std::vector<Moments> moments_;
  std::vector<std::map<std::string, std::int64_t, std::less<>>> counts_;
};

// What a categorical column's one-hot part is multiplied by.
enum class OneHotScale : std::uint8_t {
  kNone,          // two different values are sqrt(2) apart
  kEqualColumns,  // two rows differ as much on average as in a standardised number: docs/tables.md, "Distances"
};

// Cells as one vector without any network: standardised numbers, then a one-hot part for each categorical column, of
// kOneHotSizeMax numbers: the rarest values of a column with more share that of values never seen.
inline constexpr std::size_t kOneHotSizeMax = 128;
class ColumnVectors {
 public:
  ColumnVectors(const TableColumns& columns, OneHotScale scale);
  std::size_t dim() const noexcept { return dim_; }
  // `out` has dim() values.
  void write(std::span<const float> numeric, std::span<const std::int32_t> ids, std::span<float> out) const;

 private:
  std::size_t dim_ = 0;
  std::vector<std::size_t> sizes_;  // of the one-hot parts
  std::vector<float> scales_;
};

class TableCoder {
 public:
  explicit TableCoder(TableColumns columns);

  const TableColumns& columns() const noexcept { return columns_; }
  // Cells in the order of TableColumns::names(); `numeric` has numeric_size() values, `ids` one a categorical column.
  // kInvalidArgument names the column whose number is none, or lies so far out that nothing could be learnt of it.
  Result<void> encode(std::span<const std::optional<std::string>> cells, std::span<float> numeric,
                      std::span<std::int32_t> ids) const;
  // The cells again, as text; a number of other values is "(other)".
  std::vector<std::string> decode(std::span<const float> numeric, std::span<const std::int32_t> ids) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using Numbers = std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>>;
  TableColumns columns_;
  std::vector<Numbers> numbers_;  // of the values of each categorical column
};

}  // namespace asterism
