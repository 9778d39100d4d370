#include "encoder/prompt.hpp"

#include <fmt/format.h>

#include <string_view>

namespace asterism {

Result<std::string> find_prompt(const std::vector<std::pair<std::string, std::string>>& prompts,
                                std::string_view wanted, std::string_view model) {
  std::string names;
  for (const auto& [name, text] : prompts) {
    if (name == wanted) {
      return text;
    }
    names += names.empty() ? name : ", " + name;
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("prompt \"{}\": {} has {}", wanted, model, names.empty() ? "no prompts" : names),
              "name one of those, or give the prompt as text");
}

Result<std::string> choose_prompt(const ModelLayout& layout, const EncoderOptions& options, bool use_default) {
  if (options.prompt) {
    return *options.prompt;
  }
  const bool named = !options.prompt_name.empty();
  const std::string& wanted = named ? options.prompt_name : layout.default_prompt_name;
  if (wanted.empty() || (!named && !use_default)) {
    return std::string();
  }
  return find_prompt(layout.prompts, wanted, layout.folder.string());
}

}  // namespace asterism
