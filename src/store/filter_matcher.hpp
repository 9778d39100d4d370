// A filter run over one item in memory; inside a traversal of an index, over the rows that it meets.
//
// Ownership: a matcher holds its filter and a buffer that it reuses, so it is for one thread; each thread has its own.
// Cost: reads the JSON text up to the members that the filter names, without a tree of it; bench/micro has the figure.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "store/filter_expression.hpp"

namespace asterism {

// An item as a filter sees it. `content` is nothing for an item without text.
struct ItemFields {
  std::string_view id;
  std::string_view kind;
  std::optional<std::string_view> content;
  std::string_view metadata;  // text of a JSON object; empty: no metadata
};

class FilterMatcher {
 public:
  explicit FilterMatcher(FilterExpression expression);
  FilterMatcher(FilterMatcher&&) noexcept;
  FilterMatcher& operator=(FilterMatcher&&) noexcept;
  ~FilterMatcher();

  // kCorrupt when the metadata is no JSON object, as far as it was read.
  Result<bool> matches(const ItemFields& item);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace asterism
