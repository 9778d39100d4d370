// The tiny image models of tests/golden/image_models, loaded as a user loads them.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/json.hpp"
#include "model_folder.hpp"
#include "tensor/tensor.hpp"
#include "weights/safetensors.hpp"

namespace asterism {

// A model, what it was fed when it was recorded, and what its library gave.
class GoldenImageModel {
 public:
  struct Recorded {
    std::vector<std::int64_t> shape;
    std::size_t step = 1;  // every step-th element was kept
    double tolerance = 0.0;
    std::vector<float> values;
  };

  explicit GoldenImageModel(const std::string& name) : folder_("image_models/" + name) {
    namespace fs = std::filesystem;
    const fs::path root = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden/image_models";
    const Json manifest = read_json_file(root / "manifest.json").value();
    const auto entry = std::ranges::find_if(manifest["cases"], [&](const Json& c) { return c["name"] == name; });
    const auto tensors = read_safetensors(root / name / "expected.safetensors").value().tensors;
    height_ = (*entry)["height"].get<std::int64_t>();
    width_ = (*entry)["width"].get<std::int64_t>();
    weights_ = (*entry)["weights"].get<std::string>();
    for (const Json& value : (*entry)["values"]) {
      const auto id = value["value"].get<std::string>();
      const auto kept = tensors.at(id).as<float>();
      recorded_[id] = {value["shape"].get<std::vector<std::int64_t>>(),
                       value["step"].get<std::size_t>(),
                       value["tolerance"].get<double>(),
                       {kept.begin(), kept.end()}};
    }
    // What stands for the recorded bytes: (b - 128) / 64.
    const Tensor& bytes = tensors.at("input");
    row_count_ = static_cast<std::size_t>(bytes.shape().front());
    for (const std::uint8_t byte : bytes.as<std::uint8_t>()) {
      pixels_.push_back((static_cast<float>(byte) - 128.0F) / 64.0F);
    }
    folder_.remove("expected.safetensors");
    const fs::path config = folder_.path() / "config.json";
    if (fs::exists(config) && !read_json_file(config).value().contains("pretrained_cfg")) {
      folder_.write("preprocessor_config.json", R"({"image_processor_type": "ViTImageProcessor"})");
    }
  }

  const ModelFolder& folder() const { return folder_; }
  const Recorded& recorded(const std::string& value) const { return recorded_.at(value); }
  bool has(const std::string& value) const { return recorded_.contains(value); }
  PixelsView pixels() const { return {.values = pixels_, .row_count = row_count_}; }

  // float32 and the recorded size, unless `options` say otherwise.
  EncoderOptions options(EncoderOptions options = {}) const {
    options.precision = Precision::kF32;
    if (options.image_height == 0) {
      options.image_height = height_;
      options.image_width = width_;
    }
    return options;
  }
  Result<Encoder> try_load(const EncoderOptions& options = {}) const {
    return Encoder::load(folder_.string(), this->options(options));
  }
  Encoder load(const EncoderOptions& options = {}) const {
    auto encoder = try_load(options);
    if (!encoder) {
      throw std::runtime_error(encoder.error().to_string());  // gtest reports it
    }
    return *std::move(encoder);
  }
  // The recorded images through the encoder.
  Embeddings encode(const EncoderOptions& options = {}) const {
    auto rows = load(options).encode_pixels(pixels());
    if (!rows) {
      throw std::runtime_error(rows.error().to_string());
    }
    return *std::move(rows);
  }

 private:
  ModelFolder folder_;
  std::string weights_;
  std::int64_t height_ = 0;
  std::int64_t width_ = 0;
  std::size_t row_count_ = 0;
  std::vector<float> pixels_;
  std::map<std::string, Recorded> recorded_;
};

// Largest |difference| of one part of the rows from what was recorded, in tolerances; infinity for NaN.
inline double ratio_to_recorded(const GoldenImageModel::Recorded& recorded, const Embeddings& rows,
                                const EmbeddingOutput& part) {
  double worst = 0.0;
  for (std::size_t k = 0; k < recorded.values.size(); ++k) {
    const std::size_t at = k * recorded.step;
    const std::size_t row = at / part.size;
    if (row >= rows.row_count) {
      return INFINITY;
    }
    const double found = rows.row(row)[part.offset + at % part.size];
    const double difference = std::abs(found - static_cast<double>(recorded.values[k]));
    worst = std::max(worst, std::isnan(difference) ? INFINITY : difference / recorded.tolerance);
  }
  return worst;
}

}  // namespace asterism
