#include "builtin/builtin.hpp"

#define ASTERISM_EMBED(symbol, file)               \
  asm(".pushsection .rodata\n"                     \
      ".balign 64\n"                               \
      ".global " #symbol                           \
      "\n"                                         \
      ".hidden " #symbol "\n" #symbol              \
      ":\n"                                        \
      ".incbin \"" ASTERISM_ASSETS_FOLDER "/" file \
      "\"\n"                                       \
      ".global " #symbol                           \
      "_end\n"                                     \
      ".hidden " #symbol "_end\n" #symbol          \
      "_end:\n"                                    \
      ".byte 0\n"                                  \
      ".popsection\n")

ASTERISM_EMBED(asterism_builtin_weights, "builtin/model.safetensors");
ASTERISM_EMBED(asterism_builtin_tokenizer, "builtin/tokenizer.json");
ASTERISM_EMBED(asterism_builtin_config, "builtin/config.json");
ASTERISM_EMBED(asterism_builtin_image_weights, "builtin_image/model.safetensors");
ASTERISM_EMBED(asterism_builtin_image_config, "builtin_image/config.json");

extern "C" {
extern const char asterism_builtin_weights[];
extern const char asterism_builtin_weights_end[];
extern const char asterism_builtin_tokenizer[];
extern const char asterism_builtin_tokenizer_end[];
extern const char asterism_builtin_config[];
extern const char asterism_builtin_config_end[];
extern const char asterism_builtin_image_weights[];
extern const char asterism_builtin_image_weights_end[];
extern const char asterism_builtin_image_config[];
extern const char asterism_builtin_image_config_end[];
}

namespace asterism {
namespace {

std::string_view between(const char* begin, const char* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::span<const std::byte> bytes_between(const char* begin, const char* end) noexcept {
  return std::as_bytes(std::span(between(begin, end)));
}

}  // namespace

BuiltinModel builtin_model() noexcept {
  return {.weights = bytes_between(asterism_builtin_weights, asterism_builtin_weights_end),
          .tokenizer = between(asterism_builtin_tokenizer, asterism_builtin_tokenizer_end),
          .config = between(asterism_builtin_config, asterism_builtin_config_end)};
}

BuiltinImageModel builtin_image_model() noexcept {
  return {.weights = bytes_between(asterism_builtin_image_weights, asterism_builtin_image_weights_end),
          .config = between(asterism_builtin_image_config, asterism_builtin_image_config_end)};
}

}  // namespace asterism
