#include "models/beit_bias.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "models/parameter_edit.hpp"

namespace asterism {
namespace {

// Without the layer index: all layers read one parameter.
std::string parameter_name(const BeitBiasNames& names, std::int64_t index) {
  return names.per_layer ? fmt::format("{}{}{}", names.layer_prefix, index, names.result)
                         : names.shared_table + ".spread";
}

// Takes the table out of the parameters.
Result<std::vector<float>> take_bias(ParameterMap& parameters, const std::string& name, const BeitBiasNames& names,
                                     const BeitBiasFit& fit, std::string_view source) {
  const auto rows = parameter_size(parameters, name, 0, source);
  if (!rows) {
    return std::unexpected(rows.error());
  }
  constexpr std::int64_t kClassRowCount = 3;
  const Grid configured = fit.trained;
  const bool fits = (2 * configured.height - 1) * (2 * configured.width - 1) + kClassRowCount == *rows;
  const Grid square = square_window(*rows, ClassRows::kThree);
  const Grid window = fits || square.area() == 0 ? configured : square;
  const auto table = read_bias_table(parameters.find(name)->second, name, window, ClassRows::kThree, source);
  if (!table) {
    return std::unexpected(table.error());
  }
  parameters.erase(name);
  return spread_bias(resample_bias_table(*table, fit.wanted, names.resampling));
}

Tensor bias_tensor(const std::vector<float>& values, std::int64_t token_count) {
  const auto count = static_cast<std::int64_t>(values.size());
  Tensor tensor(DType::kF32, {count / (token_count * token_count), token_count, token_count});
  std::ranges::copy(values, tensor.mutable_as<float>().begin());
  return tensor;
}

}  // namespace

Result<void> fit_beit_biases(ParameterMap& parameters, const BeitBiasNames& names, const BeitBiasFit& fit,
                             std::string_view source) {
  const std::int64_t token_count = fit.wanted.area() + 1;
  std::vector<float> shared;
  if (names.shared) {
    auto bias = take_bias(parameters, names.shared_table, names, fit, source);
    if (!bias) {
      return std::unexpected(bias.error());
    }
    shared = *std::move(bias);
  }
  if (!names.per_layer) {
    if (names.shared) {
      parameters.emplace(parameter_name(names, 0), bias_tensor(shared, token_count));
    }
    return {};
  }
  for (std::int64_t i = 0; i < fit.layer_count; ++i) {
    const std::string table = fmt::format("{}{}{}", names.layer_prefix, i, names.layer_table);
    auto bias = take_bias(parameters, table, names, fit, source);
    if (!bias) {
      return std::unexpected(bias.error());
    }
    if (names.shared && bias->size() != shared.size()) {
      return fail(ErrorCode::kMismatch, fmt::format("{}: tensor \"{}\": expected as many heads as \"{}\"", source,
                                                    table, names.shared_table));
    }
    if (names.shared) {
      std::ranges::transform(*bias, shared, bias->begin(), std::plus<>());
    }
    parameters.emplace(parameter_name(names, i), bias_tensor(*bias, token_count));
  }
  return {};
}

std::optional<ValueId> beit_bias(GraphBuilder& builder, const BeitBiasNames& names, std::int64_t index,
                                 std::int64_t head_count, const Grid& grid) {
  if (!names.shared && !names.per_layer) {
    return std::nullopt;
  }
  const std::string name = parameter_name(names, index);
  if (!names.per_layer && index > 0) {
    return builder.existing(name);
  }
  const std::int64_t count = grid.area() + 1;
  return builder.parameter(name, {head_count, count, count});
}

}  // namespace asterism
