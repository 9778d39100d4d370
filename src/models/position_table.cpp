#include "models/position_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/parameter_edit.hpp"

namespace asterism {

Grid trained_grid(std::int64_t patch_count, const Grid& configured) noexcept {
  if (configured.area() == patch_count) {
    return configured;
  }
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(patch_count))));
  return side * side == patch_count ? Grid{side, side} : Grid{};
}

Result<void> fit_position_table(ParameterMap& parameters, const PositionFit& fit, std::string_view source) {
  const auto table = find_parameter(parameters, fit.name, source);
  if (!table) {
    return std::unexpected(table.error());
  }
  const Shape& shape = table->shape();
  const bool ranked = shape.size() == 2 || (shape.size() == 3 && shape[0] == 1);
  const std::int64_t rows = ranked ? shape[shape.size() - 2] : 0;
  const Grid trained = rows > fit.prefix_count ? trained_grid(rows - fit.prefix_count, fit.trained) : Grid{};
  if (trained.area() < 1) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: tensor \"{}\": expected position embeddings of {} + {} x {} tokens or of {} and a "
                            "square grid, found {}",
                            source, fit.name, fit.prefix_count, fit.trained.height, fit.trained.width, fit.prefix_count,
                            shape_to_string(shape)),
                "check that config.json and the weights belong to the same model");
  }
  const std::int64_t dim = shape.back();
  if (trained == fit.wanted) {
    return reshape_parameter(parameters, fit.name, {1, rows, dim}, source);
  }
  const Tensor values = table->to_f32();
  const auto prefix_size = static_cast<std::size_t>(fit.prefix_count * dim);
  const auto patches = resample_grid(values.as<float>().subspan(prefix_size), dim, trained, fit.wanted, fit.resampling);
  Tensor fitted(DType::kF32, {1, fit.prefix_count + fit.wanted.area(), dim});
  const auto out = fitted.mutable_as<float>();
  std::ranges::copy(values.as<float>().first(prefix_size), out.begin());
  std::ranges::copy(patches, out.begin() + static_cast<std::ptrdiff_t>(prefix_size));
  parameters.find(fit.name)->second = std::move(fitted);
  return {};
}

}  // namespace asterism
