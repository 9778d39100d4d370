#include "service/models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "asterism/neighbors.hpp"
#include "image/test_pattern.hpp"

namespace asterism::service {
namespace {

namespace fs = std::filesystem;

constexpr double kNoiseFactor = 20.0;
constexpr double kRelativeTolerance = 1e-5;

std::uint64_t size_of(const CatalogueEntry& entry) {
  for (const CatalogueSource& source : entry.sources) {
    std::uint64_t total = 0;
    for (const CatalogueFile& file : source.files) {
      total += file.size_bytes;
    }
    if (total > 0) {
      return total;
    }
  }
  return 0;
}

std::vector<ModelFileInfo> files_in(const fs::path& folder) {
  std::vector<ModelFileInfo> files;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code file_error;
    if (const auto size = fs::file_size(it->path(), file_error); !file_error) {
      files.push_back({it->path().lexically_relative(folder).generic_string(), size});
    }
  }
  std::ranges::sort(files, {}, &ModelFileInfo::name);
  return files;
}

void check_reference(const VerifyCase& reference, std::span<const float> found, ModelVerification& check) {
  ++check.reference_count;
  if (found.size() != reference.values.size()) {
    ++check.reference_failed_count;
    check.difference_max = INFINITY;
    return;
  }
  double difference_max = 0.0;
  double magnitude_max = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double expected = reference.values[i];
    const double difference = std::abs(expected - static_cast<double>(found[i]));
    // A NaN must count as the worst there is, and std::max would drop it.
    difference_max = std::isnan(difference) ? INFINITY : std::max(difference_max, difference);
    magnitude_max = std::max(magnitude_max, std::abs(expected));
  }
  const double allowed =
      std::max(kNoiseFactor * static_cast<double>(reference.noise), kRelativeTolerance * magnitude_max);
  if (difference_max > allowed) {
    ++check.reference_failed_count;
  }
  if (difference_max >= check.difference_max) {
    check.difference_max = difference_max;
    check.difference_allowed = allowed;
  }
  check.cosine_min = std::min(check.cosine_min, static_cast<double>(cosine_similarity(reference.values, found)));
}

Result<void> check_text_references(const Encoder& encoder, const CatalogueEntry& entry, ModelVerification& check) {
  std::vector<std::string_view> texts;
  std::vector<const VerifyCase*> references;
  for (const VerifyCase& reference : entry.verify_cases) {
    if (!reference.image) {
      texts.emplace_back(reference.text);
      references.push_back(&reference);
    }
  }
  if (texts.empty()) {
    return {};
  }
  const auto vectors = encoder.encode(texts);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  for (std::size_t i = 0; i < references.size(); ++i) {
    check_reference(*references[i], vectors->row(i), check);
  }
  check.text_count = texts.size();
  return {};
}

// As files, so that everything from the pixels on is part of what is compared.
Result<void> check_image_references(const Encoder& encoder, const CatalogueEntry& entry, ModelVerification& check) {
  for (const VerifyCase& reference : entry.verify_cases) {
    if (!reference.image) {
      continue;
    }
    const auto picture =
        test_pattern(reference.image->pattern, {.width = reference.image->width, .height = reference.image->height});
    if (!picture) {
      return std::unexpected(picture.error());
    }
    const std::string file = encode_bmp(*picture);
    const std::string_view files[] = {file};
    const auto vectors = encoder.encode_images(files);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    if (const auto& error = vectors->reports.front().error) {
      return std::unexpected(*error);
    }
    check_reference(reference, vectors->row(0), check);
    ++check.image_count;
  }
  return {};
}

Result<void> check_references(const CatalogueEntry& entry, const std::string& model, ModelVerification& check) {
  if (entry.verify_cases.empty()) {
    return {};
  }
  EncoderOptions options;
  options.precision = Precision::kF32;
  auto encoder = Encoder::load(model, options);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto checked = check_text_references(*encoder, entry, check);
  return checked ? check_image_references(*encoder, entry, check) : checked;
}

}  // namespace

Result<std::vector<ListedModel>> list_models() {
  const HubOptions options = hub_options_from_environment();
  auto entries = asterism::list_models(options);
  if (!entries) {
    return std::unexpected(entries.error());
  }
  std::vector<ListedModel> models;
  for (CatalogueEntry& entry : *entries) {
    ListedModel model;
    model.entry = std::move(entry);
    model.size_bytes = size_of(model.entry);
    if (const auto cached = find_cached_model(model.entry, options)) {
      model.folder = cached->folder.string();
    }
    model.here = is_builtin_model(model.entry.id) || !model.folder.empty();
    models.push_back(std::move(model));
  }
  return models;
}

Result<ModelDetails> show_model(const ShowModelRequest& request) {
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto encoder = Encoder::load(request.model, request.encoder);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  ModelDetails details;
  details.encoder = encoder->info();
  if (auto entry = find_model(request.model, hub_options_from_environment())) {
    details.description = entry->description;
    details.licence = entry->licence;
    for (const CatalogueSource& source : entry->sources) {
      details.sources.push_back(source.label());
    }
  }
  if (!details.encoder.folder.empty()) {
    details.files = files_in(details.encoder.folder);
  }
  return details;
}

Result<PulledModel> pull_model(std::string_view model, const ModelFetch& fetch) {
  if (is_builtin_model(model)) {
    PulledModel builtin;
    builtin.location.id = model;
    builtin.location.source = "built in: nothing to fetch";
    return builtin;
  }
  auto location = asterism::pull_model(model, hub_options(fetch));
  if (!location) {
    return std::unexpected(location.error());
  }
  auto files = files_in(location->folder);
  return PulledModel{std::move(*location), std::move(files)};
}

bool ModelVerification::ok() const noexcept {
  return reference_failed_count == 0 && std::ranges::all_of(files, &FileCheck::matches);
}

Result<ModelVerification> verify_model(std::string_view model) {
  const HubOptions options = hub_options_from_environment();
  auto entry = find_model(model, options);
  if (!entry) {
    return std::unexpected(entry.error());
  }
  ModelVerification check;
  check.model = model;
  if (!is_builtin_model(model)) {
    const auto location = find_cached_model(*entry, options);
    if (!location) {
      return fail(ErrorCode::kNotFound, fmt::format("model '{}': expected it on this machine, found no copy", model),
                  fmt::format("fetch it first: asterism models pull {}", model));
    }
    check.folder = location->folder.string();
    auto files = verify_files(*location, *entry);
    if (!files) {
      return std::unexpected(files.error());
    }
    check.files = std::move(*files);
    // A damaged file fails the check; what it computes is of no interest, and it may not even load.
    if (!std::ranges::all_of(check.files, &FileCheck::matches)) {
      return check;
    }
  }
  if (auto checked = check_references(*entry, check.folder.empty() ? check.model : check.folder, check); !checked) {
    return std::unexpected(checked.error());
  }
  if (check.files.empty() && check.reference_count == 0) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("model '{}': expected digests or reference vectors in the catalogue, found neither", model),
                "there is nothing to compare this model with");
  }
  return check;
}

Result<LayerList> model_layers(const ModelLayersRequest& request) {
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  auto list = list_layers(request.model, request.options);
  if (!list) {
    return list;
  }
  if (list->tower != Tower::kImage && list->layers.empty()) {
    const bool table = list->tower == Tower::kTable;
    return fail(ErrorCode::kUnsupported,
                fmt::format("model '{}': expected a model with layers, found {}", request.model,
                            table ? "a fusion, which scales what others make" : "a static one"),
                table ? "ask for the layers of the encoder that it names"
                      : "a static model is a table of token vectors: --layer has nothing to name");
  }
  if (request.tower_asked && list->tower != request.options.tower) {
    const std::string_view found = list->tower == Tower::kText    ? "texts"
                                   : list->tower == Tower::kImage ? "images"
                                                                  : "rows of a table";
    return fail(ErrorCode::kUnsupported,
                fmt::format("model '{}': expected one that takes {}, found one that takes {}", request.model,
                            request.options.tower == Tower::kText ? "texts" : "images", found),
                "leave --kind out");
  }
  if (list->tower != Tower::kImage && (request.options.image_height > 0 || request.options.image_width > 0)) {
    return fail(ErrorCode::kInvalidArgument,
                "--image-size: expected the layers of an image model, found those of another", "leave the option out");
  }
  return list;
}

}  // namespace asterism::service
