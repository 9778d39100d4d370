// What people write when they look for words, as SQLite's FTS5 wants it.
#pragma once

#include <string>
#include <string_view>

namespace asterism {

// Words are alternatives; what stands in double quotes is a phrase. Nothing of FTS5's own language gets through, so any
// text is a query: `c++ "new york" -x` becomes `"c++" OR "new york" OR "-x"`. Empty where there are no words.
std::string keyword_query(std::string_view text);

}  // namespace asterism
