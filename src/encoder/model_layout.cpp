#include "encoder/model_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "encoder/module_config.hpp"
#include "encoder/transformer_settings.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

bool file_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// One line of modules.json.
struct ModuleEntry {
  std::string class_name;  // last part of the dotted type
  std::string type;
  fs::path folder;
};

// A path in modules.json stays inside the model's folder.
Result<fs::path> module_folder(const fs::path& folder, const std::string& path, const std::string& source) {
  if (path.empty() || path == ".") {
    return folder;
  }
  const fs::path relative = fs::path(path).lexically_normal();
  if (relative.is_absolute() || (!relative.empty() && *relative.begin() == "..")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"path\": expected a folder inside the model's, found \"{}\"", source, path));
  }
  return folder / relative;
}

Result<ModuleEntry> read_module_entry(const Json& value, const fs::path& folder, const std::string& source) {
  if (auto known = json_expect_only(value, {"idx", "name", "path", "type", "kwargs"}, source); !known) {
    return std::unexpected(known.error());
  }
  if (const auto it = value.find("kwargs"); it != value.end() && !it->is_null() && !it->empty()) {
    return fail(ErrorCode::kUnsupported, fmt::format("{}: \"kwargs\": expected nothing, found {}", source, it->dump()));
  }
  auto type = json_get<std::string>(value, "type", source);
  if (!type) {
    return std::unexpected(type.error());
  }
  auto path = json_find<std::string>(value, "path", source);
  if (!path) {
    return std::unexpected(path.error());
  }
  auto where = module_folder(folder, path->value_or(""), source);
  if (!where) {
    return std::unexpected(where.error());
  }
  // Another package means code that comes with the model.
  if (!type->starts_with("sentence_transformers.")) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"type\": expected a module of sentence_transformers, found \"{}\"", source, *type),
                "models that bring their own code are not run");
  }
  return ModuleEntry{.class_name = type->substr(type->rfind('.') + 1), .type = *type, .folder = *std::move(where)};
}

// Nullopt for a module that does nothing at inference.
Result<std::optional<ModuleSpec>> read_module(const ModuleEntry& entry, const std::string& source) {
  Result<ModuleSpec> spec;
  if (entry.class_name == "Dropout") {
    return std::optional<ModuleSpec>{};
  }
  if (entry.class_name == "Pooling") {
    spec = read_pooling_module(entry.folder);
  } else if (entry.class_name == "Dense") {
    spec = read_dense_module(entry.folder);
  } else if (entry.class_name == "LayerNorm") {
    spec = read_layer_norm_module(entry.folder);
  } else if (entry.class_name == "Normalize") {
    spec = read_normalize_module(entry.folder);
  } else {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"type\": expected Transformer or StaticEmbedding first, then Pooling, Dense, "
                            "LayerNorm, Dropout or Normalize; found \"{}\"",
                            source, entry.type));
  }
  if (!spec) {
    return std::unexpected(spec.error());
  }
  return std::optional<ModuleSpec>{*std::move(spec)};
}

// Pooling turns token vectors into one vector; what stands before it works on tokens, what stands after on texts.
Result<void> check_chain(const ModelLayout& layout, const std::string& source) {
  bool pooled = layout.kind == LayoutKind::kStatic;
  for (const ModuleSpec& spec : layout.modules) {
    const bool is_pooling = std::holds_alternative<PoolingModule>(spec.module);
    if (spec.on_tokens == pooled) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: module \"{}\" works on {} vectors, but at its place the chain has {} vectors",
                              source, spec.name, spec.on_tokens ? "token" : "pooled", pooled ? "pooled" : "token"));
    }
    pooled = pooled || is_pooling;
    if (layout.kind == LayoutKind::kStatic && !std::holds_alternative<NormalizeModule>(spec.module)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: after StaticEmbedding expected only Normalize, found \"{}\"", source, spec.name));
    }
  }
  return {};
}

Result<void> read_modules(ModelLayout& layout) {
  const fs::path path = layout.folder / "modules.json";
  auto entries = read_json_file(path);
  if (!entries) {
    return std::unexpected(entries.error());
  }
  if (!entries->is_array() || entries->empty()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected a list of modules, found {}", path.string(), entries->dump().substr(0, 60)));
  }
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const std::string source = fmt::format("{}: module {}", path.string(), i);
    auto entry = read_module_entry((*entries)[i], layout.folder, source);
    if (!entry) {
      return std::unexpected(entry.error());
    }
    if (i == 0 && (entry->class_name == "Transformer" || entry->class_name == "StaticEmbedding")) {
      layout.kind = entry->class_name == "Transformer" ? LayoutKind::kTransformer : LayoutKind::kStatic;
      layout.first_folder = entry->folder;
      continue;
    }
    auto spec = read_module(*entry, source);
    if (!spec) {
      return std::unexpected(spec.error());
    }
    if (i == 0) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("{}: \"type\": expected Transformer or StaticEmbedding first, found \"{}\"", source,
                              entry->type));
    }
    if (*spec) {
      layout.modules.push_back(**std::move(spec));
    }
  }
  return check_chain(layout, path.string());
}

Result<void> read_prompts(ModelLayout& layout, const Json& config, const std::string& source) {
  if (const auto it = config.find("prompts"); it != config.end() && !it->is_null()) {
    if (!it->is_object()) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: \"prompts\": expected an object, found {}", source, it->type_name()));
    }
    for (const auto& [name, text] : it->items()) {
      // A null prompt is a name without text: the original treats it as none.
      if (!text.is_string() && !text.is_null()) {
        return fail(ErrorCode::kCorrupt, fmt::format("{}: \"prompts\": \"{}\": expected a string, found {}", source,
                                                     name, text.type_name()));
      }
      layout.prompts.emplace_back(name, text.is_string() ? text.get<std::string>() : std::string());
    }
  }
  auto name = json_find<std::string>(config, "default_prompt_name", source);
  if (!name) {
    return std::unexpected(name.error());
  }
  layout.default_prompt_name = name->value_or("");
  // The original always knows these two, empty unless the file gives them.
  for (const std::string_view standard : {"query", "document"}) {
    if (std::ranges::find(layout.prompts, standard, &std::pair<std::string, std::string>::first) ==
        layout.prompts.end()) {
      layout.prompts.emplace_back(standard, "");
    }
  }
  if (!layout.default_prompt_name.empty() &&
      std::ranges::find(layout.prompts, layout.default_prompt_name, &std::pair<std::string, std::string>::first) ==
          layout.prompts.end()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: \"default_prompt_name\": expected the name of a prompt, found \"{}\"", source,
                            layout.default_prompt_name));
  }
  return {};
}

Result<void> read_library_config(ModelLayout& layout) {
  const fs::path path = layout.folder / "config_sentence_transformers.json";
  if (!file_exists(path)) {
    return {};
  }
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  const std::string source = path.string();
  // Harmless: versions, requirements, and how vectors are compared afterwards.
  if (auto known = json_expect_only(*config,
                                    {"__version__", "requirements", "similarity_fn_name", "prompts",
                                     "default_prompt_name", "model_type", "truncate_dim"},
                                    source);
      !known) {
    return known;
  }
  auto type = json_find<std::string>(*config, "model_type", source);
  if (!type) {
    return std::unexpected(type.error());
  }
  if (type->value_or("SentenceTransformer") != "SentenceTransformer") {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: \"model_type\": expected \"SentenceTransformer\", found \"{}\"", source, **type),
                "cross encoders, sparse and multi-vector models give no single vector for a text");
  }
  auto dim = json_find<std::int64_t>(*config, "truncate_dim", source);
  if (!dim) {
    return std::unexpected(dim.error());
  }
  if (*dim) {
    if (**dim <= 0) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{}: \"truncate_dim\": expected a positive size, found {}", source, **dim));
    }
    layout.output_dim = static_cast<std::size_t>(**dim);
  }
  return read_prompts(layout, *config, source);
}

// A static table without modules.json: what model2vec writes beside it says so.
bool says_static(const Json& config) {
  if (!config.is_object()) {
    return false;
  }
  const auto type = config.find("model_type");
  if (type != config.end() && *type == "model2vec") {
    return true;
  }
  const auto architectures = config.find("architectures");
  return architectures != config.end() && architectures->is_array() &&
         std::ranges::find(*architectures, Json("StaticModel")) != architectures->end();
}

Result<void> read_plain_folder(ModelLayout& layout) {
  const fs::path path = layout.folder / "config.json";
  if (!file_exists(path)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected a model folder with modules.json or config.json, found neither",
                            layout.folder.string()));
  }
  auto config = read_json_file(path);
  if (!config) {
    return std::unexpected(config.error());
  }
  if (says_static(*config)) {
    layout.kind = LayoutKind::kStatic;
    return {};
  }
  ModuleSpec pooling;
  pooling.name = "pooling";
  pooling.on_tokens = true;
  pooling.module = PoolingModule{.modes = {Pooling::kMean}};
  layout.modules.push_back(std::move(pooling));
  return {};
}

}  // namespace

Result<ModelLayout> read_model_layout(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: expected a model folder, found {}", folder.string(),
                                                  fs::exists(folder, ignored) ? "something else" : "nothing"));
  }
  ModelLayout layout;
  layout.folder = folder;
  layout.first_folder = folder;
  layout.sentence_transformers = file_exists(folder / "modules.json");
  auto read = layout.sentence_transformers ? read_modules(layout) : read_plain_folder(layout);
  if (!read) {
    return std::unexpected(read.error());
  }
  if (auto config = read_library_config(layout); !config) {
    return std::unexpected(config.error());
  }
  if (layout.kind == LayoutKind::kTransformer) {
    if (auto settings = read_transformer_settings(layout); !settings) {
      return std::unexpected(settings.error());
    }
  }
  return layout;
}

}  // namespace asterism
