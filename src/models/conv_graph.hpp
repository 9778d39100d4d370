// A convolutional family's hands on its graph: layers whose sizes are those of the checkpoint's tensors.
//
// A tensor that a layer needs and the file lacks, or has in another shape, is noted and the walk goes on without a
// graph, so that finish() names all of them at once. Private to src/models.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/graph.hpp"
#include "models/image_family.hpp"

namespace asterism {

enum class ConvPadding : std::uint8_t {
  kHalf,   // (kernel - 1) / 2 on every side
  kNone,   // "valid"
  kSame,   // TensorFlow's: ceil(size / stride) outputs, an odd zero at the end
  kGiven,  // ConvOptions::padding
};
enum class ConvGroups : std::uint8_t {
  kOne,
  kDepthwise,
  kOfWeight,  // as many as the weight's second dimension says
};

struct ConvOptions {
  std::int64_t stride = 1;
  ConvPadding padding_rule = ConvPadding::kHalf;
  ConvGroups groups = ConvGroups::kOne;
  std::array<std::int64_t, 4> padding{};  // top, left, bottom, right; for kGiven
};

// A convolution with what follows it, by module paths. An empty `activated` leaves the activation out.
struct ConvUnit {
  std::string conv = {};
  std::string norm = {};
  std::string activated = {};
  // The name of the value after the norm; empty for `norm` itself (where the module `norm` ends with the activation).
  std::string normed = {};
  // Another name of the result, of the module around all of it; empty for none.
  std::string alias = {};
  ConvOptions options = {};
  double epsilon = 1e-5;
  Activation activation = Activation::kRelu;
};

struct SqueezeExcite {
  std::string path;  // of the module; "" makes no alias
  std::string squeeze, reduce, inner, expand, gate;
  Activation inner_activation = Activation::kRelu;
  Activation gate_activation = Activation::kSigmoid;
};

// What the configuration says of the classes; 0 where it says nothing.
struct DeclaredClasses {
  std::string_view key;
  std::int64_t count = 0;
};

class ConvGraph {
 public:
  ConvGraph(ParameterMap parameters, std::string source);

  GraphBuilder& builder() noexcept { return builder_; }
  const std::string& source() const noexcept { return source_; }
  bool has(std::string_view name) const { return parameters_.contains(name); }
  // Shape of a tensor of the file; empty where there is none.
  const Shape& tensor_shape(std::string_view name) const;
  // Number of consecutive i for which `before` + i + `after` begins the name of a tensor.
  std::int64_t count(std::string_view before, std::string_view after) const;
  bool has_prefix(std::string_view prefix) const;
  // A vector stored with any number of dimensions of 1 becomes [c, 1, ...] of `rank` dimensions, for broadcasting.
  void flatten_parameter(const std::string& name, std::size_t rank);

  // Channels are those that the weight of the first convolution takes.
  ValueId input(const std::string& first_weight, std::int64_t height, std::int64_t width);

  ValueId conv(const std::string& path, ValueId x, const ConvOptions& options = {});
  // Parameters are `path`.weight and so on; the value is called `name`.
  ValueId batch_norm(const std::string& path, const std::string& name, ValueId x, double epsilon);
  ValueId conv_unit(const ConvUnit& unit, ValueId x);
  ValueId squeeze_excite(const SqueezeExcite& names, ValueId x);
  ValueId linear(const std::string& path, ValueId x);
  ValueId layer_norm(const std::string& path, ValueId x, double epsilon);
  // Over the channels of [rows, channels, height, width].
  ValueId layer_norm_2d(const std::string& path, ValueId x, double epsilon);
  // A parameter of exactly this shape.
  ValueId parameter(const std::string& name, const Shape& shape);

  ValueId activation(const std::string& name, ValueId x, Activation activation);
  ValueId add(const std::string& name, ValueId a, ValueId b);
  ValueId multiply(const std::string& name, ValueId a, ValueId b);
  ValueId transpose(const std::string& name, ValueId x, std::vector<std::int64_t> permutation);
  ValueId max_pool(const std::string& name, ValueId x, const Window2d& window);
  ValueId avg_pool(const std::string& name, ValueId x, const Window2d& window);
  // 2 x 2, cut off at the end, zeros of the padding not counted: what shortcuts of ResNet-D do.
  ValueId avg_pool_down(const std::string& name, ValueId x, std::int64_t stride);
  ValueId adaptive_avg_pool(const std::string& name, ValueId x, std::array<std::int64_t, 2> size);
  // [rows, channels, height, width] -> [rows, channels] or [rows, channels, 1, 1].
  ValueId mean(const std::string& name, ValueId x);
  // As `mean`, in the two modules of timm's pooling.
  ValueId timm_mean(const std::string& name, ValueId x);
  ValueId mean_map(const std::string& name, ValueId x);
  // -> [rows, everything]
  ValueId flatten(const std::string& name, ValueId x);

  void alias(const std::string& name, ValueId value);
  void feature(std::int64_t index, ValueId value);

  // The embedding and, where the file has one, the classifier `path`: aliases "penultimate" and "logits", the output.
  void head(const std::string& path, ValueId pooled, const DeclaredClasses& declared);

  // Dimensions of a value after the first; 1 where the walk goes on without a graph.
  std::int64_t channels(ValueId x) const { return dimension(x, 1); }
  std::int64_t height(ValueId x) const { return dimension(x, 2); }
  std::int64_t width(ValueId x) const { return dimension(x, 3); }

  // `model` with graph, parameters and sizes.
  Result<ImageModel> finish(ImageModel model);

 private:
  std::int64_t dimension(ValueId x, std::size_t axis) const;
  bool broken() const noexcept { return !missing_.empty() || !misshaped_.empty() || error_ || stuck_; }
  ValueId keep(ValueId value);
  // The tensor's shape if it is there with `rank` dimensions; notes what is wrong with it otherwise.
  std::optional<Shape> expect(const std::string& name, std::size_t rank);
  std::optional<std::int64_t> group_count(const std::string& name, const Shape& weight, ValueId x, ConvGroups groups);
  void note_misshaped(const std::string& name, std::string_view expected);

  GraphBuilder builder_;
  ParameterMap parameters_;
  std::string source_;
  std::vector<std::string> missing_;
  std::vector<std::string> misshaped_;
  std::set<std::string, std::less<>> used_;
  std::optional<Error> error_;
  bool stuck_ = false;  // the builder has refused something: finish() says what
  ValueId input_{};
  std::optional<ValueId> output_;
};

}  // namespace asterism
