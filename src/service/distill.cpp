#include "service/distill.hpp"

#include <chrono>

namespace asterism::service {

Result<DistillResponse> distill(const DistillRequest& request) {
  if (auto fetched = fetch_model(request.teacher, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  const auto begin = std::chrono::steady_clock::now();
  DistillOptions options = request.options;
  options.cancel = request.fetch.cancel;
  auto result = asterism::distill(request.teacher, request.output, options);
  if (!result) {
    return std::unexpected(result.error());
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  return DistillResponse{*result, seconds.count()};
}

}  // namespace asterism::service
