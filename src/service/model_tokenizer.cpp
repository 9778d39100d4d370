#include "service/model_tokenizer.hpp"

#include "asterism/encoder.hpp"
#include "builtin/builtin.hpp"
#include "encoder/model_layout.hpp"

namespace asterism::service {

Result<Tokenizer> load_model_tokenizer(std::string_view model, const ModelFetch& fetch) {
  if (model == kBuiltinModel) {
    return Tokenizer::from_json_text(builtin_model().tokenizer, "the built-in model");
  }
  auto location = resolve_model(model, hub_options(fetch));
  if (!location) {
    return std::unexpected(location.error());
  }
  auto layout = read_model_layout(location->folder);
  if (!layout) {
    return std::unexpected(layout.error());
  }
  using Lowercase = TokenizerOverrides::Lowercase;
  return Tokenizer::from_folder(layout->first_folder,
                                {.lowercase = layout->lowercase ? Lowercase::kOn : Lowercase::kAsInFile});
}

}  // namespace asterism::service
