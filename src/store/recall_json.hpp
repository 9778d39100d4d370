// What tuning found, as the database keeps it.
#pragma once

#include <optional>
#include <string>

#include "asterism/collection.hpp"
#include "store/sqlite.hpp"

namespace asterism {

inline constexpr std::string_view kRecallSetting = "recall";

std::string recall_json(const RecallCheck& check);
// Nothing where nothing was measured, or what is kept cannot be read: it is measured again then.
std::optional<RecallCheck> read_recall(const sqlite::Connection& connection);

inline constexpr std::string_view kServedRecallSetting = "served_recall";

std::string served_recall_json(const ServedRecall& served);
std::optional<ServedRecall> read_served_recall(const sqlite::Connection& connection);

}  // namespace asterism
