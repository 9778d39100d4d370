#include "train/final_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "train/picture_encoder.hpp"

namespace asterism {
namespace {

constexpr std::string_view kWhiteningKey = "whitening";

// The learner with `parameters` in the place of those that it has trained: what is evaluated is what is written.
Result<void> set_parameters(Learner& learner, const ParameterMap& parameters) {
  auto state = learner.state();
  if (!state) {
    return std::unexpected(state.error());
  }
  for (const auto& [name, tensor] : parameters) {
    state->insert_or_assign("parameters." + name, tensor);
  }
  return learner.restore(*state);
}

// As it was measured before the first step, or again where that was by another whitening.
Result<Quality> untrained_quality(const FinalModelRequest& request, Split split) {
  const Json& baselines = *request.baselines;
  if (!baselines.contains("untrained") ||
      baselines.value(kWhiteningKey, std::int64_t{0}) == request.evaluation.whitening) {
    return quality_from_json(baselines.value("untrained", Json::object()));
  }
  request.on_stage("measuring the untrained encoder");
  if (auto set = set_parameters(*request.learner, request.task->network().learner.parameters); !set) {
    return std::unexpected(set.error());
  }
  return evaluate_encoder(*request.task, *request.learner, WeightsOf::kTrained, split, request.evaluation);
}

Tensor tensor_of(std::span<const float> values, Shape shape) {
  Tensor out(DType::kF32, std::move(shape));
  std::ranges::copy(values, out.mutable_as<float>().begin());
  return out;
}

// What embeds as the vectors that were measured.
Result<std::optional<VectorProjection>> projection_of(const Recipe& recipe, const EncodedRows& encoded) {
  if (!encoded.whitening) {
    return std::nullopt;
  }
  const Whitening& whitening = *encoded.whitening;
  const auto dim = static_cast<std::int64_t>(whitening.dim());
  const auto size = static_cast<std::int64_t>(whitening.direction_count());
  if (size < recipe.output.whitening) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"whitening\": expected as many directions as the vectors of the training rows vary "
                            "along, {}, found {}",
                            recipe_section(recipe, "output"), size, recipe.output.whitening),
                fmt::format("set output.whitening to {} or less: the same command then goes on from the last "
                            "checkpoint",
                            size));
  }
  return VectorProjection{tensor_of(whitening.shift(), {dim}), tensor_of(whitening.weight(), {size, dim})};
}

}  // namespace

Result<void> check_output(const Recipe& recipe, const TrainingTask& task) {
  const std::int64_t asked = recipe.output.whitening;
  const std::int64_t dim = task.network().dim;
  const std::int64_t row_count = task.learnt().row_count();
  if (asked > dim) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"whitening\": expected at most {}, the values of the vector, found {}",
                            recipe_section(recipe, "output"), dim, asked));
  }
  if (asked > 0 && asked >= row_count) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"whitening\": expected fewer directions than the {} rows to fit them on, found {}",
                            recipe_section(recipe, "output"), row_count, asked),
                "lower it, or give more rows");
  }
  return {};
}

Result<Json> measure_baselines(const TrainingTask& task, Learner& learner, const EvaluationOptions& options) {
  const Split split = final_split(task);
  const auto untrained = evaluate_encoder(task, learner, WeightsOf::kTrained, split, options);
  const auto raw = untrained ? evaluate_raw(task, split, options) : std::unexpected(untrained.error());
  if (!raw) {
    return std::unexpected(raw.error());
  }
  return Json{{"untrained", to_json(*untrained)}, {"raw", to_json(*raw)}, {kWhiteningKey, options.whitening}};
}

Result<FinalModel> write_final_model(const FinalModelRequest& request) {
  const Split split = final_split(*request.task);
  FinalModel out;
  const auto untrained = untrained_quality(request, split);
  if (!untrained) {
    return std::unexpected(untrained.error());
  }
  out.untrained = *untrained;
  if (auto set = set_parameters(*request.learner, *request.parameters); !set) {
    return std::unexpected(set.error());
  }
  request.on_stage("evaluating the model");
  auto encoded = encode_rows(*request.task, *request.learner, WeightsOf::kTrained, split, request.evaluation);
  if (!encoded) {
    return std::unexpected(encoded.error());
  }
  const auto projection = projection_of(*request.recipe, *encoded);
  if (!projection) {
    return std::unexpected(projection.error());
  }
  request.on_stage("writing the model");
  if (auto written = request.task->write_model(*request.parameters, *projection, request.folder); !written) {
    return std::unexpected(written.error());
  }
  auto trained = measure_quality(encoded->bank, encoded->queries, request.evaluation.thread_count);
  if (!trained) {
    return std::unexpected(trained.error());
  }
  out.trained = *trained;
  out.dim = static_cast<std::int64_t>(encoded->bank.vectors.dim);
  out.encoded = *std::move(encoded);
  return out;
}

}  // namespace asterism
