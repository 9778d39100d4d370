// What learns the parameters of graphs: the interface that the torch backend implements and src/train drives.
//
// A learner holds one set of parameters and several graphs over them: the one that is trained, the teacher's, the one
// that evaluates. All randomness comes with the feeds (noise, masks, mixing), so a step is a function of the state and
// of its batches, and a run that goes on from a saved state repeats the numbers of one that was never stopped.
// Ownership: a learner owns its parameters and gives copies. Thread-safety: one thread at a time. Cost: step() costs a
// forward and a backward run of the graph; state() copies parameters, their averages and the optimizer's moments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "graph/backend.hpp"
#include "graph/graph.hpp"

namespace asterism {

// What a loss compares. `outputs` are values of the trained graph, `feeds` tensors of the batch, in this order.
enum class LossKind : std::uint8_t {
  kCrossEntropy,  // outputs {logits [rows, classes]}; feeds {labels i32 [rows]} (-1 = none: the row does not count), or
                  // {labels, other_labels, share f32 [rows]}: mixup, `share` of labels and the rest of other_labels;
                  // options class_weights, label_smoothing as in torch.nn.CrossEntropyLoss
  kBinaryCrossEntropy,  // outputs {logits}; feeds {target in [0, 1], same shape}
  kMeanSquare,          // outputs {x}; feeds {target} or {target, weights}: sum(w d^2) / sum(w). Weights of fewer
                        // dimensions are those of the first ones: [rows, n] of [rows, n, dim]
  kSmoothL1,            // as kMeanSquare; option beta
  kCodeMagnitude,       // outputs {code}: mean |code|
  kCodeActivity,        // outputs {code in (0, 1)}: KL(target_activity || mean over rows), summed over units
  kGaussianDivergence,  // outputs {mean, log_variance}: KL to N(0, 1), summed over units, mean over rows. Kingma 2014
  kNtXent,  // outputs {projections [2 n, dim]}: rows i and n + i are two views; option temperature. Chen et al. 2020
  kSupervisedContrastive,  // outputs {projections [n, dim]}; feeds {labels [n]}; temperature. Khosla et al. 2020,
                           // L_out; rows labelled -1 are left out
  kTripletHard,            // outputs {vectors [n, dim]}; feeds {labels [n]}; margin. Batch-hard of Hermans et al. 2017
  kVicreg,                 // outputs {projections [2 n, dim]} as kNtXent; the three weights. Bardes et al. 2022
  kLayerRegression,  // outputs {prediction [rows, n, dim]}; teacher_outputs {layers [rows, p + n, dim]...}; feeds {mask
                     // f32 [rows, n]}: smooth L1 (beta) at masked places to the mean of the layers, each normalised
                     // by target_norm; the first p tokens (class token) are left out. Baevski et al. 2022
  kCosineDistance,   // outputs {vectors [n, dim]}; feeds {targets [n, dim]}: mean of 1 - cosine
  kSimilarityMatrix,  // outputs {vectors [n, dim]}; feeds {targets [n, any]}: temperature 0: mean square of the
                      // difference of their cosine matrices, diagonal left out; else KL between the softmaxes of the
                      // rows
};

// Over what a teacher's layer [rows, n, dim] gets mean 0 and variance 1, without weights, before it is a target.
enum class TargetNorm : std::uint8_t {
  kLayer,     // each token, over its channels: Baevski et al. 2022 for images and text
  kInstance,  // each channel of each row, over its tokens: Baevski et al. 2022 for speech, data2vec 2.0 for images
  kBatch,     // each channel, over the tokens of all rows: fairseq's batch_norm_target_layer
};

struct LossOptions {
  double temperature = 0.0;
  double margin = 0.0;  // 0 = the soft margin ln(1 + e^d)
  double label_smoothing = 0.0;
  double beta = 1.0;
  double target_activity = 0.05;
  double variance_weight = 25.0;
  double invariance_weight = 25.0;
  double covariance_weight = 1.0;
  TargetNorm target_norm = TargetNorm::kLayer;
  std::vector<float> class_weights = {};  // empty = all 1
};

// One part of what is minimised: sum over terms of weight * loss.
struct LossTerm {
  std::string name;  // in metrics
  LossKind kind = LossKind::kMeanSquare;
  double weight = 1.0;
  std::vector<std::string> outputs = {};
  std::vector<std::string> feeds = {};
  std::vector<std::string> teacher_outputs = {};
  LossOptions options = {};
};

enum class OptimizerKind : std::uint8_t { kAdamW, kSgd, kLamb };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  double beta1 = 0.9;  // of AdamW and LAMB
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum = 0.9;  // of SGD
  bool nesterov = false;
  double weight_decay = 0.0;       // decoupled, except SGD's
  double gradient_norm_max = 0.0;  // gradients are scaled down to it; 0 = never
};

// How one parameter is learnt, where it is not as the others.
struct ParameterRule {
  bool trained = true;  // false: frozen. A batch norm with a frozen weight keeps its statistics, too
  double learning_rate_scale = 1.0;
  double weight_decay_scale = 1.0;
};

enum class LearnerDevice : std::uint8_t { kAuto, kCpu, kCuda };

struct LearnerSpec {
  // By role; kTrainGraph is there, and kTeacherGraph where a loss has teacher_outputs. Outputs of a graph are what it
  // can be asked for.
  std::map<std::string, Graph, std::less<>> graphs;
  // Of all graphs together.
  ParameterMap parameters;
  std::map<std::string, ParameterRule, std::less<>> rules = {};
  std::vector<LossTerm> losses = {};
  OptimizerOptions optimizer = {};
  // Keeps an exponential moving average of every parameter: the teacher's weights, and what is written in the end.
  bool averaged = false;
  double batch_norm_momentum = 0.1;
  ComputePrecision precision = ComputePrecision::kF32;  // kBF16: autocast; parameters and optimizer stay f32
  LearnerDevice device = LearnerDevice::kAuto;
  std::size_t thread_count = 1;
};

inline constexpr std::string_view kTrainGraph = "train";
inline constexpr std::string_view kTeacherGraph = "teacher";
inline constexpr std::string_view kEvaluateGraph = "evaluate";

enum class WeightsOf : std::uint8_t { kTrained, kAverage };

struct StepSettings {
  double learning_rate = 0.0;
  double average_decay = 0.0;  // of this step's update of the average; unused without LearnerSpec::averaged
};

struct StepReport {
  double loss = 0.0;               // mean over the micro-batches
  std::vector<double> terms = {};  // unweighted, in the order of LearnerSpec::losses
  double gradient_norm = 0.0;      // before it was scaled down
  // False: a loss or gradient was NaN or infinite. Nothing was changed, and bad_batch tells which micro-batch it was.
  bool finite = true;
  std::size_t bad_batch = 0;
};

// A batch that stands for `weight` rows of the step: gradients of micro-batches are averaged by it.
struct MicroBatch {
  std::vector<Feed> feeds;
  double weight = 1.0;
};

class Learner {
 public:
  virtual ~Learner() = default;
  // Accumulates the gradients of the micro-batches, then updates once. Feeds as for Executable::run.
  virtual Result<StepReport> step(std::span<const MicroBatch> batches, const StepSettings& settings) = 0;
  // The losses without learning, batch norms as in evaluation.
  virtual Result<StepReport> losses(const std::vector<Feed>& feeds) = 0;
  // Values `outputs` of graph `role`, in evaluation mode, f32.
  virtual Result<std::vector<Tensor>> run(std::string_view role, const std::vector<Feed>& feeds,
                                          std::span<const std::string> outputs, WeightsOf weights) = 0;
  virtual Result<ParameterMap> parameters(WeightsOf weights) const = 0;
  // Everything that step() depends on but its arguments: "parameters.NAME", "average.NAME", "optimizer...".
  virtual Result<ParameterMap> state() const = 0;
  // kMismatch where it is the state of another learner: what is missing, extra or misshaped is named.
  virtual Result<void> restore(const ParameterMap& state) = 0;
  // "cpu" or "cuda".
  virtual std::string_view device() const noexcept = 0;
};

}  // namespace asterism
