// A filter as a condition of SQLite with its values.
#pragma once

#include "store/filter_expression.hpp"
#include "store/item_table.hpp"

namespace asterism {

// Null = all. The condition keeps what it binds.
SqlCondition sqlite_condition(const FilterExpression* filter);

}  // namespace asterism
