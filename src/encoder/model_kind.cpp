#include "encoder/model_kind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "encoder/image_checkpoint.hpp"
#include "encoder/table_encoder.hpp"
#include "encoder/word_encoder.hpp"
#include "graph/foreign_model.hpp"
#include "models/image_family.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// Configurations of transformers that hold a text tower and a vision tower.
constexpr std::array<std::string_view, 2> kDualTypes{"clip", "siglip"};

bool is_dual(const Json& config) {
  const auto type = config.find("model_type");
  const bool known = type != config.end() && type->is_string() &&
                     std::ranges::find(kDualTypes, type->get_ref<const std::string&>()) != kDualTypes.end();
  return known && config.contains("text_config") && config.contains("vision_config");
}

// Files whose name says that they are PyTorch's.
std::size_t weight_file_count(const fs::path& folder) {
  std::size_t count = 0;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    count += it->path().extension() == ".pth" || it->path().extension() == ".pt" ? 1U : 0U;
  }
  return count;
}

}  // namespace

Result<ModelKind> model_kind(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    if (foreign_format(path)) {
      return ModelKind::kForeign;
    }
    return is_word_model(path) ? ModelKind::kWords : ModelKind::kImage;
  }
  if (!fs::is_directory(path, ignored)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected a model folder or a weight file, found {}", path.string(),
                            fs::exists(path, ignored) ? "something else" : "nothing"));
  }
  const fs::path config_path = path / "config.json";
  if (fs::exists(path / "modules.json", ignored)) {
    return ModelKind::kText;
  }
  if (!fs::exists(config_path, ignored)) {
    if (is_word_model(path)) {
      return ModelKind::kWords;
    }
    if (bare_weights_in(path)) {
      return ModelKind::kImage;
    }
    const std::size_t count = weight_file_count(path);
    if (count > 1) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("{}: expected config.json or one .pth file, found {} of them", path.string(), count),
                  "name the weight file itself");
    }
    return ModelKind::kText;
  }
  const auto config = read_json_file(config_path);
  if (!config) {
    return std::unexpected(config.error());
  }
  if (config->is_object() && is_dual(*config)) {
    return ModelKind::kTextAndImage;
  }
  if (is_table_model(*config)) {
    return ModelKind::kTable;
  }
  return is_image_checkpoint(*config) ? ModelKind::kImage : ModelKind::kText;
}

}  // namespace asterism
