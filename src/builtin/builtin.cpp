#include "builtin/builtin.hpp"

#include "base/embedded_file.hpp"

#define ASTERISM_EMBED_ASSET(symbol, file) ASTERISM_EMBED_FILE(symbol, ASTERISM_ASSETS_FOLDER "/" file)

ASTERISM_EMBED_ASSET(asterism_builtin_weights, "builtin/model.safetensors");
ASTERISM_EMBED_ASSET(asterism_builtin_tokenizer, "builtin/tokenizer.json");
ASTERISM_EMBED_ASSET(asterism_builtin_config, "builtin/config.json");
ASTERISM_EMBED_ASSET(asterism_builtin_image_weights, "builtin_image/model.safetensors");
ASTERISM_EMBED_ASSET(asterism_builtin_image_config, "builtin_image/config.json");

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

std::span<const std::byte> bytes_between(const char* begin, const char* end) noexcept {
  return std::as_bytes(std::span(embedded_text(begin, end)));
}

}  // namespace

BuiltinModel builtin_model() noexcept {
  return {.weights = bytes_between(asterism_builtin_weights, asterism_builtin_weights_end),
          .tokenizer = embedded_text(asterism_builtin_tokenizer, asterism_builtin_tokenizer_end),
          .config = embedded_text(asterism_builtin_config, asterism_builtin_config_end),
          .sha256 = ASTERISM_BUILTIN_SHA256};
}

BuiltinImageModel builtin_image_model() noexcept {
  return {.weights = bytes_between(asterism_builtin_image_weights, asterism_builtin_image_weights_end),
          .config = embedded_text(asterism_builtin_image_config, asterism_builtin_image_config_end),
          .sha256 = ASTERISM_BUILTIN_IMAGE_SHA256};
}

}  // namespace asterism
