// The tensors of fresh layers, layer by layer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "models/initial_checkpoint.hpp"
#include "models/initial_values.hpp"

namespace asterism {

// How one layer's weight is drawn.
enum class InitialRule : std::uint8_t {
  kTorchDefault,    // bias too
  kKaimingNormal,   // by the outputs
  kKaimingUniform,  // by the inputs
  kGlorotUniform,   // bias 0, as with those below
  kNormal002,       // standard deviation 0.02
};

class InitialTensors {
 public:
  explicit InitialTensors(std::uint64_t seed) : seed_(seed) {}

  // torch.nn.Linear or Conv2d: "PATH.weight" of `shape` and "PATH.bias".
  void layer(const std::string& path, const Shape& shape, InitialRule rule);
  void weight(const std::string& path, const Shape& shape, InitialRule rule);
  // A layer whose Glorot bound is that of the matrix [out, rest].
  void glorot_linear(const std::string& path, const Shape& shape);
  // torch.nn.LayerNorm
  void layer_norm(const std::string& path, std::int64_t size);
  // torch.nn.BatchNorm2d with its counter of batches, which the libraries expect.
  void batch_norm(const std::string& path, std::int64_t size);
  void constant(const std::string& name, const Shape& shape, float value);
  void normal(const std::string& name, const Shape& shape, double standard_deviation);
  void put(const std::string& name, Tensor tensor) { tensors_[name] = std::move(tensor); }

  std::map<std::string, Tensor> take() { return std::move(tensors_); }

 private:
  std::uint64_t seed_;
  std::map<std::string, Tensor> tensors_;
};

// One function an architecture.
Result<ImageCheckpoint> initial_lenet(const InitialModel& model);
Result<ImageCheckpoint> initial_resnet(const InitialModel& model);
Result<ImageCheckpoint> initial_vit(const InitialModel& model);
Result<ImageCheckpoint> initial_vit_mae(const InitialModel& model);
Result<ImageCheckpoint> initial_data2vec(const InitialModel& model);
Result<ImageCheckpoint> initial_autoencoder(const InitialModel& model);

// The largest width and depth of a fresh model.
inline constexpr std::int64_t kInitialWidthMax = 8192;
inline constexpr std::int64_t kInitialDepthMax = 128;

}  // namespace asterism
