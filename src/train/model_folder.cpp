// The folder of a learnt encoder: what `asterism embed -m` reads, in the words of the library that the family is of.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/system_error.hpp"
#include "train/network.hpp"
#include "train/picture_encoder.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr int kIndent = 2;

// The preprocessing in timm's words, which this program reads from any config.json: squashed to the network's size.
Json preprocessing(const ModelRecipe& model) {
  return Json{{"input_size", {model.channel_count, model.image_size, model.image_size}},
              {"interpolation", "bilinear"},
              {"crop_pct", 1.0},
              {"crop_mode", "squash"},
              {"mean", channel_values(model.mean, model.channel_count)},
              {"std", channel_values(model.std, model.channel_count)}};
}

// The same for the transformers library.
Json image_processor(const ModelRecipe& model) {
  constexpr int kPillowBilinear = 2;
  return Json{{"image_processor_type", "ViTImageProcessor"},
              {"do_resize", true},
              {"size", {{"height", model.image_size}, {"width", model.image_size}}},
              {"resample", kPillowBilinear},
              {"do_rescale", true},
              {"rescale_factor", 1.0 / 255.0},
              {"do_normalize", true},
              {"image_mean", channel_values(model.mean, 3)},
              {"image_std", channel_values(model.std, 3)}};
}

// As it is written. The scales, shifts and statistics of norms are few and their range is not that of f16.
Tensor as_written(const Tensor& values, DType dtype) {
  return dtype == DType::kF16 && values.shape().size() > 1 ? values.to_f16() : values.to_f32();
}

// What is written: the stored tensors with what was learnt in place of what they were. Those that no parameter is (a
// counter of batches, fixed positions, a decoder that was not trained) stay.
Result<std::vector<NamedTensor>> learnt_tensors(const PictureEncoder& encoder, const ParameterMap& parameters,
                                                DType dtype) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, stored] : encoder.stored.tensors) {
    const auto parameter = parameter_of_stored(name, parameters);
    const Tensor* const learnt = parameter ? &parameters.find(*parameter)->second : nullptr;
    if (learnt == nullptr || (learnt->shape() != stored.shape() && name.ends_with("embeddings.position_embeddings"))) {
      tensors.push_back({name, stored});
      continue;
    }
    if (learnt->shape() != stored.shape()) {
      return fail(ErrorCode::kMismatch, fmt::format("parameter \"{}\": expected {}, found {}", *parameter,
                                                    shape_to_string(stored.shape()), shape_to_string(learnt->shape())));
    }
    tensors.push_back({name, as_written(*learnt, dtype)});
  }
  return tensors;
}

Result<void> write_files(const Recipe& recipe, const PictureEncoder& encoder, std::vector<NamedTensor> tensors,
                         const std::optional<VectorProjection>& projection, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return system_failure(fmt::format("{}: cannot make the folder", folder.string()), error);
  }
  Json config = encoder.stored.config;
  if (projection) {
    put_vector_projection(*projection, config, tensors);
  }
  if (auto ok = write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}}); !ok) {
    return ok;
  }
  config["pretrained_cfg"] = preprocessing(recipe.model);
  if (encoder.model.dialect == "transformers") {
    const fs::path path = folder / "preprocessor_config.json";
    if (auto ok = write_file_atomic(path, image_processor(recipe.model).dump(kIndent) + "\n"); !ok) {
      return ok;
    }
  }
  return write_file_atomic(folder / "config.json", config.dump(kIndent) + "\n");
}

Result<void> compare_folder(const Recipe& recipe, const ParameterMap& parameters,
                            const std::optional<VectorProjection>& projection, const fs::path& folder) {
  auto checkpoint = read_image_folder(folder);
  if (!checkpoint) {
    return std::unexpected(checkpoint.error());
  }
  const auto model =
      build_image_model(*std::move(checkpoint), {.height = recipe.model.image_size, .width = recipe.model.image_size});
  if (!model) {
    return std::unexpected(model.error());
  }
  const ParameterMap projected = projection ? projection_parameters(*projection) : ParameterMap{};
  for (const auto& [name, read] : model->parameters) {
    const auto learnt = parameters.find(name);
    const auto fitted = projected.find(name);
    if (learnt == parameters.end() && fitted == projected.end()) {
      continue;  // not trained: as it was
    }
    const Tensor values =
        learnt == parameters.end() ? fitted->second : as_written(learnt->second, recipe.model.weights_dtype).to_f32();
    if (read.shape() != values.shape() || !std::ranges::equal(read.to_f32().bytes(), values.bytes())) {
      return fail(ErrorCode::kInternal,
                  fmt::format("{}: \"{}\" reads back other than it was learnt", folder.string(), name),
                  "report this as a bug");
    }
  }
  return {};
}

}  // namespace

Result<void> write_picture_model(const Recipe& recipe, const DataSummary& data, const ParameterMap& parameters,
                                 const std::optional<VectorProjection>& projection,
                                 const std::filesystem::path& folder) {
  const auto encoder = make_picture_encoder(recipe, data);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  auto tensors = learnt_tensors(*encoder, parameters, recipe.model.weights_dtype);
  if (!tensors) {
    return fail(tensors.error().code, fmt::format("{}: {}", folder.string(), tensors.error().message),
                "the parameters are those of another recipe");
  }
  if (auto ok = write_files(recipe, *encoder, *std::move(tensors), projection, folder); !ok) {
    return ok;
  }
  return compare_folder(recipe, parameters, projection, folder);
}

}  // namespace asterism
