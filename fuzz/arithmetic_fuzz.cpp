// Any text as a sum of words: an error, or terms that, written out, read as themselves.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "service/arithmetic_expression.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto terms = asterism::service::parse_arithmetic(text);
  if (!terms) {
    if (terms.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  const auto again = asterism::service::parse_arithmetic(asterism::service::arithmetic_text(*terms));
  if (terms->empty() || !again || *again != *terms) {
    std::abort();
  }
  return 0;
}
