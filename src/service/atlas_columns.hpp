// The metadata of a collection as columns of one type each, for colouring and filtering a map of it.
//
// A type is found by looking at the values: all numbers, all dates (iso_date.hpp), else words. Words that are nearly
// all different are texts, to be read and not coloured by. Objects inside become paths ("maker.country").
// Ownership: values. Thread-safety: a builder belongs to one thread. Memory: 12 bytes a row and column while building,
// 2 (categories) or 8 (numbers, dates) afterwards; of words at most kDistinctWordCountMax a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace asterism::service {

// Categories that have a code of their own; the rarer ones share kOtherCode.
inline constexpr std::size_t kCategoryCountMax = 5000;
inline constexpr std::uint16_t kOtherCode = 0xFFFE;
inline constexpr std::uint16_t kMissingCode = 0xFFFF;
// Columns that are kept, in the order in which they are first seen.
inline constexpr std::size_t kAtlasColumnCountMax = 256;
// Different words of a column that are told apart; a column with more is a text.
inline constexpr std::size_t kDistinctWordCountMax = 100'000;
// A longer value makes its column a text.
inline constexpr std::size_t kCategorySizeBytesMax = 256;
// Whole numbers of at most so many different values are categories: classes, ratings.
inline constexpr std::size_t kNumberCategoryCountMax = 12;

enum class AtlasColumnType : std::uint8_t { kCategory, kNumber, kDate, kText };

// "category", "number", "date", "text"
std::string_view atlas_column_type_name(AtlasColumnType type) noexcept;

struct AtlasColumn {
  std::string name;
  AtlasColumnType type = AtlasColumnType::kText;
  std::uint64_t missing_count = 0;  // rows without a value, or null
  std::uint64_t distinct_count = 0;
  // Of categories: the most frequent first, equally frequent ones in the order in which they come.
  std::vector<std::string> values = {};
  std::vector<std::uint64_t> counts = {};
  std::vector<std::uint16_t> codes = {};  // [row_count], into values
  // Of numbers and dates (milliseconds since 1970): NaN where there is none.
  std::vector<double> numbers = {};  // [row_count]
  double smallest = std::numeric_limits<double>::quiet_NaN();
  double largest = std::numeric_limits<double>::quiet_NaN();
};

// Every value of a row's metadata with its path, nulls left out. Of a path that is there twice the first counts.
void visit_metadata(const Json& metadata, const std::function<void(const std::string& path, const Json& value)>& visit);
// A value as a category or a cell of a table has it: texts as they are, all else as JSON.
std::string metadata_text(const Json& value);

class AtlasColumnBuilder {
 public:
  AtlasColumnBuilder();
  AtlasColumnBuilder(AtlasColumnBuilder&&) noexcept;
  AtlasColumnBuilder& operator=(AtlasColumnBuilder&&) noexcept;
  ~AtlasColumnBuilder();

  // The metadata of the next row: a JSON object. What is none counts as a row without values.
  void add(std::string_view metadata);
  // Of the rows added so far; the builder is empty afterwards.
  std::vector<AtlasColumn> finish();
  // Values of columns past kAtlasColumnCountMax, which finish() leaves out.
  std::uint64_t left_out_value_count() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism::service
