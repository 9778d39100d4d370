// Any bytes as tokenizer.json, followed after a zero byte by a text: loads or fails with a message; what loads encodes
// the text and some fixed ones with ids inside the vocabulary and offsets inside the text, whether or not the scratch
// is fresh.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tokenizer/tokenizer.hpp"

namespace {

using asterism::Encoding;
using asterism::Tokenizer;
using asterism::TokenizerScratch;

constexpr std::array<std::string_view, 4> kTexts{"Hello, World! unaffable [MASK]",
                                                 "na\xC3\xAFve \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x98\x80 I\xCC\x87",
                                                 " \t\x01\xFF\xE2\x82 a", ""};
constexpr std::size_t kTokenCountMax = 3;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check(const Tokenizer& tokenizer, std::string_view text, TokenizerScratch& scratch, Encoding& out) {
  tokenizer.encode(text, {.with_offsets = true}, scratch, out);
  require(out.offsets.size() == out.ids.size() && out.token_count_given == out.ids.size());
  for (std::size_t i = 0; i < out.ids.size(); ++i) {
    require(out.ids[i] >= 0 && static_cast<std::size_t>(out.ids[i]) < tokenizer.vocabulary_size());
    require(out.offsets[i].begin <= out.offsets[i].end && out.offsets[i].end <= text.size());
  }
  const std::size_t token_count = out.ids.size();
  require(tokenizer.encode(text).ids == out.ids);
  tokenizer.encode(text, {.token_count_max = kTokenCountMax}, scratch, out);
  require(out.ids.size() <= kTokenCountMax && out.token_count_given == token_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  const auto tokenizer = Tokenizer::from_json_text(input.substr(0, zero), "fuzz");
  if (!tokenizer) {
    require(!tokenizer.error().message.empty());
    return 0;
  }
  TokenizerScratch scratch;
  Encoding out;
  for (const std::string_view text : kTexts) {
    check(*tokenizer, text, scratch, out);
  }
  if (zero != std::string_view::npos) {
    check(*tokenizer, input.substr(zero + 1), scratch, out);
  }
  return 0;
}
