// The regular expressions by which byte-level tokenizers cut text into words, as scanners written by hand.
//
// A pattern is known by its exact text. Character classes are those that the original's regular expressions have
// (unicode.hpp). Sources: the patterns' own texts; GPT-2 and CLIP (OpenAI), Llama 3 (Meta), Qwen 2 (Alibaba).
// Thread-safety: pure functions. Cost: linear in the text; a run of white space is read at most twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace asterism::tok {

enum class WordPattern : std::uint8_t {
  kGpt2,
  kClip,
  kClipMarked,  // CLIP's, its two special tokens first
  kLlama3,      // numbers of up to three digits
  kQwen2,       // one digit at a time
};

std::optional<WordPattern> find_word_pattern(std::string_view regex) noexcept;

// End of the match that begins at `begin`, which is inside `text` (well-formed UTF-8); `begin` where there is none.
std::size_t match_end(WordPattern pattern, std::string_view text, std::size_t begin) noexcept;

// Calls visit(begin, end, matches) for the matches and what lies between them, in order.
template <typename Visit>
void each_match(WordPattern pattern, std::string_view text, Visit&& visit) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = match_end(pattern, text, i);
    if (end == i) {
      do {
        ++i;
      } while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80);
      continue;
    }
    if (done < i) {
      visit(done, i, false);
    }
    visit(i, end, true);
    i = done = end;
  }
  if (done < text.size()) {
    visit(done, text.size(), false);
  }
}

}  // namespace asterism::tok
