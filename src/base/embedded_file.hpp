// Files inside the program: the assembler places their bytes in read-only data, so that nothing is copied or converted
// at start.
//
// Use: ASTERISM_EMBED_FILE(symbol, "/path/of/the/file") at namespace scope of one .cpp, the declarations of `symbol`
// and `symbol_end` in extern "C", and OBJECT_DEPENDS on the file in CMake. Thread-safety: constants. Bytes are aligned
// to 64 and end with a zero that does not count.
#pragma once

#include <cstddef>
#include <string_view>

#define ASTERISM_EMBED_FILE(symbol, path) \
  asm(".pushsection .rodata\n"            \
      ".balign 64\n"                      \
      ".global " #symbol                  \
      "\n"                                \
      ".hidden " #symbol "\n" #symbol     \
      ":\n"                               \
      ".incbin \"" path                   \
      "\"\n"                              \
      ".global " #symbol                  \
      "_end\n"                            \
      ".hidden " #symbol "_end\n" #symbol \
      "_end:\n"                           \
      ".byte 0\n"                         \
      ".popsection\n")

namespace asterism {

inline std::string_view embedded_text(const char* begin, const char* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace asterism
