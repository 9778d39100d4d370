// From an image model to the one graph that runs: ended at the layers asked for, pooled, cut, normalised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/image_family.hpp"

namespace asterism {

// What becomes of a map or of tokens: kNone leaves them as they are.
enum class ImagePooling : std::uint8_t { kNone, kAvg, kMax, kGem, kCls, kFlatten };

// "avg", "max", "gem", "cls", "flatten", "none"; kInvalidArgument lists them.
Result<ImagePooling> parse_image_pooling(std::string_view text);

struct ImageGraph {
  Graph graph;              // outputs those of `outputs` that are computed; may have none
  ParameterMap parameters;  // exactly those of the graph
  // In the order in which they were asked for. The graph's outputs in the same order, less the input.
  std::vector<EmbeddingOutput> outputs;
  std::vector<bool> is_input;  // one an output: it is the preprocessed image itself
  std::size_t dim = 0;         // of all outputs together
  std::size_t op_count_whole = 0;
  std::string pooling;  // "avg" where one was asked for
  bool normalized = false;

  bool runs() const noexcept { return !graph.outputs().empty(); }
};

// `model` is consumed. kNotFound names near layers; kInvalidArgument for a pooling or a cut that the layer's shape does
// not have.
Result<ImageGraph> build_image_graph(ImageModel model, const EncoderOptions& options);

}  // namespace asterism
