// What the image families read from a configuration, whoever wrote it: private to src/models.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asterism/error.hpp"
#include "image/preprocess.hpp"
#include "models/conv_graph.hpp"

namespace asterism {

// Largest height or width of an image that a graph is built for.
inline constexpr std::int64_t kImageSideMax = 4096;
// The size on which most of these models were trained, where nothing else says.
inline constexpr std::int64_t kImageSideDefault = 224;

inline constexpr std::string_view kTimm = "timm";
inline constexpr std::string_view kTransformers = "transformers";
inline constexpr std::string_view kTorchvision = "torchvision";

// "timm" by "architecture", "transformers" by "model_type", "torchvision" without a configuration.
std::string_view dialect_of(const ImageCheckpoint& checkpoint);
// timm: "architecture" before the first "."; torchvision: by the name of the file, "" when that is not one of its own;
// transformers: the model_type.
std::string architecture_of(const ImageCheckpoint& checkpoint);

// `options`, else what the configuration says ("input_size" of timm, "image_size" of transformers) or torchvision for
// its weights, else 224.
Result<ImageSize> image_size(const ImageCheckpoint& checkpoint, const ImageModelOptions& options);

// "num_classes" of timm, the labels of transformers.
Result<DeclaredClasses> declared_classes(const ImageCheckpoint& checkpoint);

// Refuses "model_args" of timm outside `known`, and a "global_pool" that is not an average: kUnsupported names the key.
Result<void> expect_plain_timm(const ImageCheckpoint& checkpoint, std::initializer_list<std::string_view> known);

// Integers of an array of the configuration, each from 1 to `most`.
Result<std::vector<std::int64_t>> read_sizes(const Json& config, std::string_view key, std::int64_t most,
                                             std::string_view source);

// Members of a configuration with what the library takes where a key is missing. The first error sticks, as in
// GraphBuilder, and done() gives it.
class ConfigReader {
 public:
  ConfigReader(const Json& config, std::string source) : config_(config), source_(std::move(source)) {}

  template <typename T>
  T value(std::string_view key, T missing) {
    auto found = json_find<T>(config_, key, source_);
    if (!found) {
      error_ = error_ ? error_ : found.error();
      return missing;
    }
    return found->value_or(std::move(missing));
  }
  // A name that has to be one of `known`.
  std::string word(std::string_view key, std::string missing, std::initializer_list<std::string_view> known);
  // As in ACT2FN of transformers.
  Activation activation(std::string_view key, std::string missing);
  Result<void> done() const;

 private:
  const Json& config_;
  std::string source_;
  std::optional<Error> error_;
};

// A member that is an object; an empty object where it is missing or something else.
const Json& object_member(const Json& config, std::string_view key);

// Removes `prefix` from every name that has it: the model inside a model with a head.
void strip_prefix(std::map<std::string, Tensor>& tensors, std::string_view prefix);

}  // namespace asterism
