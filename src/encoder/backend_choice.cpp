#include "encoder/backend_choice.hpp"

namespace asterism {

Result<BackendChoice> choose_backend(Precision precision, std::vector<std::string>& warnings) {
  const auto module = load_backend_module(kBackendName);
  if (!module) {
    return std::unexpected(module.error());
  }
  BackendChoice choice{.module = *module};
  if (precision == Precision::kF32) {
    return choice;
  }
  const auto report = choice.module->report();
  if (!report) {
    return std::unexpected(report.error());
  }
  if (precision == Precision::kAuto && !report->bf16_native) {
    return choice;
  }
  if (!report->bf16_native) {
    warnings.emplace_back(
        "bf16 asked for, but this processor has none natively: weights are rounded to bf16 and the speed is that of "
        "f32");
  }
  choice.precision = ComputePrecision::kBF16;
  choice.precision_name = "bf16";
  return choice;
}

}  // namespace asterism
