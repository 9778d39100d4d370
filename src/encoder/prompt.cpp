#include "encoder/prompt.hpp"

#include <fmt/format.h>

#include <string_view>

namespace asterism {

Result<std::string> choose_prompt(const ModelLayout& layout, const EncoderOptions& options, bool use_default) {
  if (options.prompt) {
    return *options.prompt;
  }
  const bool named = !options.prompt_name.empty();
  const std::string& wanted = named ? options.prompt_name : layout.default_prompt_name;
  if (wanted.empty() || (!named && !use_default)) {
    return std::string();
  }
  std::string names;
  for (const auto& [name, text] : layout.prompts) {
    if (name == wanted) {
      return text;
    }
    names += names.empty() ? name : ", " + name;
  }
  return fail(
      ErrorCode::kNotFound,
      fmt::format("prompt \"{}\": {} has {}", wanted, layout.folder.string(), names.empty() ? "no prompts" : names),
      "name one of those, or give the prompt as text");
}

}  // namespace asterism
