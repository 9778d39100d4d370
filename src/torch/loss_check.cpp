#include "torch/loss_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace asterism {
namespace {

// What a feed of a loss must be, as it follows from the outputs.
enum class FeedForm : std::uint8_t {
  kLabels,   // i32 [rows], below the number of classes where the loss knows it
  kShares,   // f32 [rows]
  kTarget,   // f32, the shape of the output
  kWeights,  // f32, spreads to the output
  kMask,     // f32 [rows, n] of an output [rows, n, dim]
  kVectors,  // f32 [rows, any]
};

struct LossForm {
  LossKind kind;
  std::string_view name;
  std::size_t output_count;
  std::size_t output_rank;  // 0 = any
  std::size_t feed_count_min;
  std::span<const FeedForm> feeds;  // as many as there can be
  bool two_views = false;           // rows i and n + i belong together
  bool teacher = false;
};

constexpr std::array kMixedLabels{FeedForm::kLabels, FeedForm::kLabels, FeedForm::kShares};
constexpr std::array kLabelsOnly{FeedForm::kLabels};
constexpr std::array kTargetOnly{FeedForm::kTarget};
constexpr std::array kTargetAndWeights{FeedForm::kTarget, FeedForm::kWeights};
constexpr std::array kMaskOnly{FeedForm::kMask};
constexpr std::array kVectorsOnly{FeedForm::kVectors};

constexpr std::array kForms{
    LossForm{LossKind::kCrossEntropy, "cross entropy", 1, 2, 1, kMixedLabels},
    LossForm{LossKind::kBinaryCrossEntropy, "binary cross entropy", 1, 0, 1, kTargetOnly},
    LossForm{LossKind::kMeanSquare, "mean square", 1, 0, 1, kTargetAndWeights},
    LossForm{LossKind::kSmoothL1, "smooth L1", 1, 0, 1, kTargetAndWeights},
    LossForm{LossKind::kCodeMagnitude, "code magnitude", 1, 0, 0, {}},
    LossForm{LossKind::kCodeActivity, "code activity", 1, 0, 0, {}},
    LossForm{LossKind::kGaussianDivergence, "gaussian divergence", 2, 0, 0, {}},
    LossForm{LossKind::kNtXent, "NT-Xent", 1, 2, 0, {}, true},
    LossForm{LossKind::kSupervisedContrastive, "supervised contrastive", 1, 2, 1, kLabelsOnly},
    LossForm{LossKind::kTripletHard, "triplet", 1, 2, 1, kLabelsOnly},
    LossForm{LossKind::kVicreg, "VICReg", 1, 2, 0, {}, true},
    LossForm{LossKind::kLayerRegression, "layer regression", 1, 3, 1, kMaskOnly, false, true},
    LossForm{LossKind::kCosineDistance, "cosine distance", 1, 2, 1, kTargetOnly},
    LossForm{LossKind::kSimilarityMatrix, "similarity matrix", 1, 2, 1, kVectorsOnly},
};

const LossForm& form_of(LossKind kind) {
  return *std::ranges::find(kForms, kind, &LossForm::kind);
}

std::unexpected<Error> bad_loss(const LossTerm& term, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("loss \"{}\" ({}): {}", term.name, form_of(term.kind).name, what));
}

Result<void> check_counts(const LossTerm& term, const LossForm& form) {
  if (term.outputs.size() != form.output_count) {
    return bad_loss(term, fmt::format("expected {} outputs, found {}", form.output_count, term.outputs.size()));
  }
  const std::size_t count = term.feeds.size();
  const bool half_mixed = term.kind == LossKind::kCrossEntropy && count == 2;
  if (count < form.feed_count_min || count > form.feeds.size() || half_mixed) {
    return bad_loss(term, fmt::format("expected {}{} feeds, found {}", form.feed_count_min,
                                      form.feeds.size() > form.feed_count_min ? fmt::format(" or {}", form.feeds.size())
                                                                              : std::string(),
                                      count));
  }
  if (form.teacher == term.teacher_outputs.empty()) {
    return bad_loss(term, form.teacher ? "expected teacher_outputs, found none" : "it compares with no teacher");
  }
  return {};
}

Result<void> check_options(const LossTerm& term) {
  const LossOptions& options = term.options;
  const bool needs_temperature = term.kind == LossKind::kNtXent || term.kind == LossKind::kSupervisedContrastive;
  if (options.temperature < 0.0 || (needs_temperature && options.temperature == 0.0)) {
    return bad_loss(term, fmt::format("expected a temperature above 0, found {}", options.temperature));
  }
  if (options.label_smoothing < 0.0 || options.label_smoothing > 1.0) {
    return bad_loss(term, fmt::format("expected a label smoothing of 0 to 1, found {}", options.label_smoothing));
  }
  if (options.beta < 0.0 || options.margin < 0.0) {
    return bad_loss(
        term, fmt::format("expected beta and margin of at least 0, found {} and {}", options.beta, options.margin));
  }
  if (options.target_activity <= 0.0 || options.target_activity >= 1.0) {
    return bad_loss(term, fmt::format("expected a target activity between 0 and 1, found {}", options.target_activity));
  }
  return {};
}

Result<const Value*> find_output(const LossTerm& term, const Graph& graph, const std::string& name) {
  const auto id = graph.find(name);
  if (!id) {
    return bad_loss(term, id.error().message);
  }
  return &graph.value(*id);
}

Result<void> check_teacher(const LossTerm& term, const Graph* teacher, const Shape& prediction) {
  if (term.teacher_outputs.empty()) {
    return {};
  }
  if (teacher == nullptr) {
    return bad_loss(term, "expected a teacher's graph, found none");
  }
  for (const std::string& name : term.teacher_outputs) {
    const auto layer = find_output(term, *teacher, name);
    if (!layer) {
      return std::unexpected(layer.error());
    }
    const Shape& shape = (*layer)->shape;
    if (shape.size() != 3 || shape[1] < prediction[1] || shape[2] != prediction[2]) {
      return bad_loss(term, fmt::format("expected the teacher's \"{}\" as [rows, at least {}, {}], found {}", name,
                                        prediction[1], prediction[2], shape_to_string(shape)));
    }
  }
  return {};
}

// The shape of a value in a run: every count of rows and tokens filled in.
Shape run_shape(const Value& value, const CheckedFeeds& sizes) {
  Shape shape = value.shape;
  for (std::int64_t& dim : shape) {
    dim = dim == kRowDim ? sizes.row_count : dim == kDynamicDim ? sizes.token_count : dim;
  }
  return shape;
}

bool spreads_to(const Shape& shape, const Shape& target) {
  bool fits = !shape.empty() && shape.size() <= target.size();
  for (std::size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = shape[axis] == target[axis] || shape[axis] == 1;
  }
  return fits;
}

struct FeedCheck {
  const LossTerm& term;
  const Feed& feed;
  const Shape& output;
};

Result<void> check_labels(const FeedCheck& check) {
  // Only a classifier's outputs count classes.
  const bool counts_classes = check.term.kind == LossKind::kCrossEntropy;
  for (const std::int32_t label : check.feed.tensor.as<std::int32_t>()) {
    if (label < -1 || (counts_classes && label >= check.output[1])) {
      return bad_loss(
          check.term,
          fmt::format("feed \"{}\": expected labels from -1 to {}, found {}", check.feed.name,
                      counts_classes ? check.output[1] - 1 : std::numeric_limits<std::int32_t>::max(), label));
    }
  }
  return {};
}

Result<void> check_feed(const FeedCheck& check, FeedForm form) {
  const Tensor& tensor = check.feed.tensor;
  const Shape& shape = tensor.shape();
  const DType dtype = form == FeedForm::kLabels ? DType::kI32 : DType::kF32;
  const std::int64_t rows = check.output[0];
  bool fits = tensor.dtype() == dtype;
  std::string expected;
  switch (form) {
    case FeedForm::kLabels:
    case FeedForm::kShares:
      fits = fits && shape == Shape{rows};
      expected = fmt::format("[{}]", rows);
      break;
    case FeedForm::kTarget:
      fits = fits && shape == check.output;
      expected = shape_to_string(check.output);
      break;
    case FeedForm::kWeights:
      fits = fits && spreads_to(shape, check.output);
      expected = fmt::format("what spreads to {} from its first dimensions", shape_to_string(check.output));
      break;
    case FeedForm::kMask:
      fits = fits && shape == Shape{rows, check.output[1]};
      expected = fmt::format("[{}, {}]", rows, check.output[1]);
      break;
    case FeedForm::kVectors:
      fits = fits && shape.size() == 2 && shape[0] == rows && shape[1] > 0;
      expected = fmt::format("[{}, any]", rows);
      break;
  }
  if (!fits) {
    return bad_loss(check.term,
                    fmt::format("feed \"{}\": expected {} {}, found {} {}", check.feed.name, dtype_name(dtype),
                                expected, dtype_name(tensor.dtype()), shape_to_string(shape)));
  }
  return form == FeedForm::kLabels ? check_labels(check) : Result<void>();
}

}  // namespace

Result<void> check_loss(const LossTerm& term, const Graph& train, const Graph* teacher) {
  const LossForm& form = form_of(term.kind);
  if (auto ok = check_counts(term, form); !ok) {
    return ok;
  }
  if (auto ok = check_options(term); !ok) {
    return ok;
  }
  std::optional<Shape> first;
  for (const std::string& name : term.outputs) {
    const auto value = find_output(term, train, name);
    if (!value) {
      return std::unexpected(value.error());
    }
    const Shape& shape = (*value)->shape;
    if ((*value)->dtype != DType::kF32 || (form.output_rank != 0 && shape.size() != form.output_rank)) {
      return bad_loss(term, fmt::format("expected \"{}\" with {} dimensions, found {}", name, form.output_rank,
                                        shape_to_string(shape)));
    }
    if (first && *first != shape) {
      return bad_loss(term, fmt::format("expected outputs of one shape, found {} and {}", shape_to_string(*first),
                                        shape_to_string(shape)));
    }
    first = shape;
  }
  if (auto ok = check_teacher(term, teacher, *first); !ok) {
    return ok;
  }
  const std::size_t weight_count = term.options.class_weights.size();
  if (weight_count != 0 && (term.kind != LossKind::kCrossEntropy || std::cmp_not_equal(weight_count, (*first)[1]))) {
    return bad_loss(term, fmt::format("expected one class weight a class, found {} weights for {}", weight_count,
                                      shape_to_string(*first)));
  }
  return {};
}

Result<std::vector<const Tensor*>> loss_feeds(const LossTerm& term, const Graph& train, const CheckedFeeds& sizes,
                                              const std::vector<Feed>& feeds) {
  const LossForm& form = form_of(term.kind);
  const Shape output = run_shape(train.value(train.find(term.outputs[0]).value()), sizes);
  if (form.two_views && (output[0] % 2 != 0 || output[0] < 4)) {
    return bad_loss(term, fmt::format("expected two views of at least 2 rows each, found {} rows", output[0]));
  }
  if (term.kind == LossKind::kSimilarityMatrix && output[0] < 2) {
    return bad_loss(term, fmt::format("expected at least 2 rows, found {}", output[0]));
  }
  std::vector<const Tensor*> found;
  for (std::size_t i = 0; i < term.feeds.size(); ++i) {
    const auto it = std::ranges::find(feeds, term.feeds[i], &Feed::name);
    if (it == feeds.end()) {
      return bad_loss(term, fmt::format("expected the feed \"{}\", found no such feed", term.feeds[i]));
    }
    if (auto ok = check_feed({term, *it, output}, form.feeds[i]); !ok) {
      return std::unexpected(ok.error());
    }
    found.push_back(&it->tensor);
  }
  return found;
}

}  // namespace asterism
