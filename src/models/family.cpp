#include "models/family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "models/checkpoint_names.hpp"
#include "models/families.hpp"

namespace asterism {
namespace {

using BuildFamily = Result<TextModel> (*)(const Json&, std::map<std::string, Tensor>, std::string_view);

struct Family {
  std::string_view model_type;
  BuildFamily build;
};

constexpr std::array<Family, 8> kFamilies{{
    {"bert", build_bert},
    {"roberta", build_roberta},
    {"xlm-roberta", build_xlm_roberta},
    {"distilbert", build_distilbert},
    {"clip", build_clip_text},
    {"clip_text_model", build_clip_text},
    {"siglip", build_siglip_text},
    {"siglip_text_model", build_siglip_text},
}};

}  // namespace

Result<TextModel> build_text_model(const Json& config, std::map<std::string, Tensor> tensors, std::string_view source) {
  const auto model_type = json_get<std::string>(config, "model_type", source);
  if (!model_type) {
    return std::unexpected(model_type.error());
  }
  for (const Family& family : kFamilies) {
    if (family.model_type != *model_type) {
      continue;
    }
    auto model = family.build(config, std::move(tensors), source);
    if (!model) {
      return model;
    }
    if (auto ok = model->graph.check_parameters(model->parameters, source); !ok) {
      return std::unexpected(ok.error());
    }
    if (auto ok = check_finite(model->parameters, source); !ok) {
      return std::unexpected(ok.error());
    }
    return model;
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{}: model_type \"{}\" is not implemented, expected one of {}",
                                                   source, *model_type, fmt::join(text_families(), ", ")));
}

std::vector<std::string_view> text_families() {
  std::vector<std::string_view> names;
  for (const Family& family : kFamilies) {
    names.push_back(family.model_type);
  }
  return names;
}

}  // namespace asterism
