// Any text as a recipe: an error that says something, or settings that stand for every section.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "train/recipe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // The part before a zero byte is the file, the rest an override.
  const std::size_t end = text.find('\0');
  std::vector<std::string> overrides;
  if (end != std::string_view::npos) {
    overrides.emplace_back(text.substr(end + 1));
  }
  const auto recipe = asterism::parse_recipe(text.substr(0, end), "fuzz.toml", overrides);
  if (!recipe) {
    if (recipe.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  const bool told = recipe->settings.contains("training") && recipe->training.batch_size > 0 &&
                    recipe->model.mean.size() == static_cast<std::size_t>(recipe->model.channel_count);
  if (!told) {
    std::abort();
  }
  return 0;
}
