#include "store/recall_json.hpp"

#include <utility>

#include "base/json.hpp"

namespace asterism {
namespace {

std::optional<Json> read_object(const sqlite::Connection& connection, std::string_view name) {
  auto select = connection.prepare("SELECT value FROM setting WHERE name = ?1");
  if (!select) {
    return std::nullopt;
  }
  const auto row = select->bind(1, name).step();
  if (!row || !*row) {
    return std::nullopt;
  }
  auto object = parse_json(select->text(0), name);
  return object ? std::optional<Json>(std::move(*object)) : std::nullopt;
}

}  // namespace

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

std::string served_recall_json(const ServedRecall& served) {
  return Json{{"recall", served.recall}, {"query_count", served.query_count}, {"checked_at", served.checked_at}}.dump();
}

std::optional<ServedRecall> read_served_recall(const sqlite::Connection& connection) {
  const auto object = read_object(connection, kServedRecallSetting);
  if (!object) {
    return std::nullopt;
  }
  const auto recall = json_get<double>(*object, "recall", kServedRecallSetting);
  const auto query_count = json_get<std::size_t>(*object, "query_count", kServedRecallSetting);
  const auto checked_at = json_get<std::string>(*object, "checked_at", kServedRecallSetting);
  if (!recall || !query_count || !checked_at) {
    return std::nullopt;
  }
  return ServedRecall{.recall = *recall, .query_count = *query_count, .checked_at = *checked_at};
}

std::optional<RecallCheck> read_recall(const sqlite::Connection& connection) {
  constexpr std::string_view kSource = kRecallSetting;
  const auto object = read_object(connection, kSource);
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
