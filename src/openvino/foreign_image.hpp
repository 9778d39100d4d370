// The image that a model takes, found out from the shape of its input, and the model fitted to batches of f32 images
// with channels first. Private to src/openvino.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openvino/core/model.hpp>

#include "asterism/error.hpp"
#include "graph/foreign_model.hpp"

namespace asterism {

Result<ForeignImageInput> find_image_input(const std::vector<ForeignPort>& inputs, std::optional<ImageLayout> layout,
                                           const std::string& source);

// Fills a size that the file leaves open; kMismatch when it has another one, kInvalidArgument when nobody says.
Result<void> set_image_size(ForeignImageInput& input, std::int64_t height, std::int64_t width,
                            const std::string& source);

// A copy with a batch of one, where that works: shapes and costs for one image. Else the model itself.
std::shared_ptr<ov::Model> with_one_row(const std::shared_ptr<ov::Model>& model);

struct FittedModel {
  std::shared_ptr<ov::Model> model;     // f32 [rows, channels, height, width] -> f32
  std::vector<std::int64_t> row_shape;  // of the output, for one image
  bool one_by_one = false;              // the batch is 1 and stays so
};

// May throw ov::Exception. `model` is changed.
Result<FittedModel> fit_to_images(const std::shared_ptr<ov::Model>& model, const ForeignImageInput& input,
                                  const std::string& source);

}  // namespace asterism
