#include "service/atlas_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/json.hpp"
#include "service/iso_date.hpp"

namespace asterism::service {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kNoWord = 0xFFFF'FFFF;
constexpr std::uint32_t kUncountedWord = 0xFFFF'FFFE;
// Deeper objects are values of their own, in JSON.
constexpr int kPathDepthMax = 4;
// Fewer different words than this are categories even where no two rows share one.
constexpr std::uint64_t kTextDistinctCountMin = 20;
constexpr double kTextDistinctShare = 0.9;

// What is seen of one column before its type is known.
class GrowingColumn {
 public:
  GrowingColumn(std::string name, std::size_t row_first) : name_(std::move(name)), row_first_(row_first) {}

  const std::string& name() const noexcept { return name_; }

  void add_number(std::size_t row, double value) {
    if (!begin(row)) {
      return;
    }
    numbers_.push_back(value);
    words_.push_back(kNoWord);
    ++number_count_;
    whole_ = whole_ && std::trunc(value) == value;
    if (distinct_numbers_.size() <= kNumberCategoryCountMax) {
      distinct_numbers_.insert(value);
    }
  }

  void add_word(std::size_t row, std::string_view text) {
    if (!begin(row)) {
      return;
    }
    const auto date = parse_iso_date(text);
    numbers_.push_back(date ? static_cast<double>(*date) : kMissing);
    date_count_ += date ? 1U : 0U;
    ++word_count_;
    too_long_ = too_long_ || text.size() > kCategorySizeBytesMax;
    words_.push_back(word_index(text));
  }

  AtlasColumn finish(std::size_t row_count) {
    fill(row_count);
    AtlasColumn out{.name = std::move(name_)};
    const std::uint64_t value_count = number_count_ + word_count_;
    out.missing_count = row_count - value_count;
    if (word_count_ == 0) {
      finish_numbers(out);
    } else if (date_count_ == word_count_ && number_count_ == 0) {
      out.type = AtlasColumnType::kDate;
      out.distinct_count = dictionary_.size();
      take_numbers(out);
    } else {
      numbers_as_words();
      const std::uint64_t distinct = dictionary_.size();
      out.distinct_count = distinct;
      const bool many = distinct > kTextDistinctCountMin &&
                        static_cast<double>(distinct) >= kTextDistinctShare * static_cast<double>(value_count);
      if (!many && !too_long_ && !uncounted_) {
        take_words(out);
      }
    }
    return out;
  }

 private:
  // False where the row has a value already: {"a.b": 1, "a": {"b": 2}} has one path twice, and the first counts.
  bool begin(std::size_t row) {
    if (words_.size() > row - row_first_) {
      return false;
    }
    fill(row);
    return true;
  }

  // Rows since the last one with a value have none.
  void fill(std::size_t row) {
    numbers_.resize(row - row_first_, kMissing);
    words_.resize(row - row_first_, kNoWord);
  }

  std::uint32_t word_index(std::string_view text) {
    const auto known = dictionary_.find(std::string(text));
    if (known != dictionary_.end()) {
      return known->second;
    }
    if (dictionary_.size() >= kDistinctWordCountMax || text.size() > kCategorySizeBytesMax) {
      uncounted_ = true;
      return kUncountedWord;
    }
    const auto index = static_cast<std::uint32_t>(dictionary_.size());
    dictionary_.emplace(text, index);
    return index;
  }

  // Of a column that has both: "7" and "seven" are words.
  void numbers_as_words() {
    for (std::size_t i = 0; number_count_ > 0 && i < words_.size(); ++i) {
      if (words_[i] == kNoWord && !std::isnan(numbers_[i])) {
        words_[i] = word_index(fmt::format("{}", numbers_[i]));
      }
    }
  }

  void finish_numbers(AtlasColumn& out) {
    out.distinct_count = distinct_numbers_.size();
    if (whole_ && !distinct_numbers_.empty() && distinct_numbers_.size() <= kNumberCategoryCountMax) {
      numbers_as_words();
      take_words(out);
      return;
    }
    if (distinct_numbers_.size() > kNumberCategoryCountMax) {
      std::vector<double> sorted;
      std::ranges::copy_if(numbers_, std::back_inserter(sorted), [](double v) { return !std::isnan(v); });
      std::ranges::sort(sorted);
      out.distinct_count = static_cast<std::uint64_t>(std::ranges::unique(sorted).begin() - sorted.begin());
    }
    out.type = AtlasColumnType::kNumber;
    take_numbers(out);
  }

  void take_numbers(AtlasColumn& out) {
    out.numbers.assign(row_first_, kMissing);
    out.numbers.insert(out.numbers.end(), numbers_.begin(), numbers_.end());
    for (const double value : numbers_) {
      // Comparisons with NaN are false: min and max keep what they have.
      out.smallest = std::isnan(out.smallest) ? value : std::min(out.smallest, value);
      out.largest = std::isnan(out.largest) ? value : std::max(out.largest, value);
    }
  }

  void take_words(AtlasColumn& out) {
    out.type = AtlasColumnType::kCategory;
    out.distinct_count = dictionary_.size();
    std::vector<std::uint64_t> counts(dictionary_.size(), 0);
    for (const std::uint32_t word : words_) {
      if (word != kNoWord) {
        ++counts[word];
      }
    }
    std::vector<std::uint32_t> order(dictionary_.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::ranges::stable_sort(order, std::greater<>(), [&](std::uint32_t word) { return counts[word]; });
    std::vector<std::uint16_t> code_of(order.size(), kOtherCode);
    for (std::size_t rank = 0; rank < std::min(order.size(), kCategoryCountMax); ++rank) {
      code_of[order[rank]] = static_cast<std::uint16_t>(rank);
      out.counts.push_back(counts[order[rank]]);
    }
    out.values.resize(out.counts.size());
    for (auto& [text, word] : dictionary_) {
      if (code_of[word] != kOtherCode) {
        out.values[code_of[word]] = text;
      }
    }
    out.codes.assign(row_first_, kMissingCode);
    for (const std::uint32_t word : words_) {
      out.codes.push_back(word == kNoWord ? kMissingCode : code_of[word]);
    }
  }

  std::string name_;
  std::size_t row_first_;               // rows before it have no value
  std::vector<double> numbers_;         // of numbers and dates
  std::vector<std::uint32_t> words_;    // into dictionary_
  std::set<double> distinct_numbers_;   // the first few
  std::unordered_map<std::string, std::uint32_t> dictionary_;
  std::uint64_t number_count_ = 0;
  std::uint64_t word_count_ = 0;
  std::uint64_t date_count_ = 0;
  bool whole_ = true;
  bool too_long_ = false;
  bool uncounted_ = false;  // there were more words than are told apart
};

void visit_value(const std::string& path, const Json& value, int depth,
                 const std::function<void(const std::string& path, const Json& value)>& visit) {
  if (value.is_object() && depth < kPathDepthMax) {
    for (const auto& [key, inner] : value.items()) {
      visit_value(path.empty() ? key : fmt::format("{}.{}", path, key), inner, depth + 1, visit);
    }
  } else if (!value.is_null() && !path.empty()) {
    visit(path, value);
  }
}

}  // namespace

std::string_view atlas_column_type_name(AtlasColumnType type) noexcept {
  switch (type) {
    case AtlasColumnType::kCategory:
      return "category";
    case AtlasColumnType::kNumber:
      return "number";
    case AtlasColumnType::kDate:
      return "date";
    case AtlasColumnType::kText:
      return "text";
  }
  return {};
}

void visit_metadata(const Json& metadata, const std::function<void(const std::string& path, const Json& value)>& visit) {
  visit_value({}, metadata, 0, visit);
}

std::string metadata_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct AtlasColumnBuilder::Impl {
  std::vector<GrowingColumn> columns;
  std::unordered_map<std::string, std::size_t> index_of;
  std::size_t row_count = 0;
  std::uint64_t left_out_value_count = 0;

  GrowingColumn* column(const std::string& name) {
    const auto [place, added] = index_of.emplace(name, columns.size());
    if (!added) {
      return place->second < columns.size() ? &columns[place->second] : nullptr;
    }
    if (columns.size() >= kAtlasColumnCountMax) {
      // Nothing is kept of the name: hostile rows may bring a new one each.
      ++left_out_value_count;
      index_of.erase(place);
      return nullptr;
    }
    return &columns.emplace_back(name, row_count);
  }

  void take(const std::string& path, const Json& value) {
    GrowingColumn* place = column(path);
    if (place == nullptr) {
      return;
    }
    if (value.is_number()) {
      place->add_number(row_count, value.get<double>());
    } else {
      place->add_word(row_count, metadata_text(value));
    }
  }

};

AtlasColumnBuilder::AtlasColumnBuilder() : impl_(std::make_unique<Impl>()) {}
AtlasColumnBuilder::AtlasColumnBuilder(AtlasColumnBuilder&&) noexcept = default;
AtlasColumnBuilder& AtlasColumnBuilder::operator=(AtlasColumnBuilder&&) noexcept = default;
AtlasColumnBuilder::~AtlasColumnBuilder() = default;

void AtlasColumnBuilder::add(std::string_view metadata) {
  if (!metadata.empty() && metadata != "{}") {
    if (const auto json = parse_json(metadata, "metadata"); json && json->is_object()) {
      visit_metadata(*json, [this](const std::string& path, const Json& value) { impl_->take(path, value); });
    }
  }
  ++impl_->row_count;
}

std::vector<AtlasColumn> AtlasColumnBuilder::finish() {
  std::vector<AtlasColumn> out;
  for (GrowingColumn& column : impl_->columns) {
    out.push_back(column.finish(impl_->row_count));
  }
  *impl_ = Impl{};
  return out;
}

std::uint64_t AtlasColumnBuilder::left_out_value_count() const noexcept {
  return impl_->left_out_value_count;
}

}  // namespace asterism::service
