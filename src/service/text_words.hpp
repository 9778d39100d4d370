// Words of a text, as scikit-learn's text vectorizers take them by default: runs of at least two word characters (\w of
// Unicode), in lower case.
//
// Thread-safety: pure function. Cost: one pass.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asterism::service {

std::vector<std::string> words_of(std::string_view text);

}  // namespace asterism::service
