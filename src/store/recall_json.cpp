#include "store/recall_json.hpp"

#include "base/json.hpp"

namespace asterism {

std::string recall_json(const RecallCheck& check) {
  return Json{{"k", check.k},
              {"query_count", check.query_count},
              {"recall", check.recall},
              {"expansion", check.expansion},
              {"checked_at", check.checked_at},
              {"target", check.target},
              {"row_count", check.row_count}}
      .dump();
}

std::optional<RecallCheck> read_recall(const sqlite::Connection& connection) {
  constexpr std::string_view kSource = "recall";
  auto select = connection.prepare("SELECT value FROM setting WHERE name = ?1");
  if (!select) {
    return std::nullopt;
  }
  const auto row = select->bind(1, kRecallSetting).step();
  if (!row || !*row) {
    return std::nullopt;
  }
  const auto object = parse_json(select->text(0), kSource);
  if (!object) {
    return std::nullopt;
  }
  const auto k = json_get<std::size_t>(*object, "k", kSource);
  const auto query_count = json_get<std::size_t>(*object, "query_count", kSource);
  const auto recall = json_get<double>(*object, "recall", kSource);
  const auto expansion = json_get<std::size_t>(*object, "expansion", kSource);
  const auto checked_at = json_get<std::string>(*object, "checked_at", kSource);
  const auto target = json_get<double>(*object, "target", kSource);
  const auto row_count = json_get<std::uint64_t>(*object, "row_count", kSource);
  if (!k || !query_count || !recall || !expansion || !checked_at || !target || !row_count) {
    return std::nullopt;
  }
  return RecallCheck{.k = *k,
                     .query_count = *query_count,
                     .recall = *recall,
                     .expansion = *expansion,
                     .checked_at = *checked_at,
                     .target = *target,
                     .row_count = *row_count};
}

}  // namespace asterism
