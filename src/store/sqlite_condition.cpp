#include "store/sqlite_condition.hpp"

#include <memory>
#include <utility>
#include <variant>

#include "store/filter_sqlite.hpp"

namespace asterism {

SqlCondition sqlite_condition(const FilterExpression* filter) {
  if (filter == nullptr) {
    return {};
  }
  auto condition = to_sqlite(*filter);
  const auto values = std::make_shared<const std::vector<FilterLiteral>>(std::move(condition.values));
  return {.sql = std::move(condition.text), .bind = [values](sqlite::Statement& statement, int parameter) {
            for (const auto& value : *values) {
              if (const auto* text = std::get_if<std::string>(&value)) {
                statement.bind(parameter, std::string_view(*text));
              } else if (const auto* real = std::get_if<double>(&value)) {
                statement.bind(parameter, *real);
              } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
                statement.bind(parameter, *integer);
              } else {
                statement.bind(parameter, static_cast<std::int64_t>(std::get<bool>(value)));
              }
              ++parameter;
            }
          }};
}

}  // namespace asterism
