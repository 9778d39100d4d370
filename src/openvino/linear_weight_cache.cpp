#include "openvino/linear_weight_cache.hpp"

#include <algorithm>
#include <utility>

namespace asterism {
namespace {

struct Entry {
  std::vector<LinearSource> sources;
  LinearWeight weight;
};

LinearWeight lay_out(const std::vector<LinearSource>& sources, ComputePrecision precision) {
  std::vector<Tensor> prepared;  // what the parts point into
  prepared.reserve(2 * sources.size());
  std::vector<LinearPart> parts;
  for (const LinearSource& source : sources) {
    LinearPart& part = parts.emplace_back();
    part.weight = prepared.emplace_back(prepare_weight(source.weight, precision)).as<float>();
    if (source.bias.element_count() > 0) {
      part.bias = prepared.emplace_back(prepare_weight(source.bias, precision)).as<float>();
    }
  }
  return {parts, static_cast<std::size_t>(sources[0].weight.shape()[1])};
}

}  // namespace

Tensor prepare_weight(const Tensor& tensor, ComputePrecision precision) {
  Tensor wide = tensor.to_f32();
  if (precision == ComputePrecision::kF32 || tensor.dtype() == DType::kBF16) {
    return wide;
  }
  Tensor rounded(DType::kF32, wide.shape());
  std::ranges::transform(wide.as<float>(), rounded.mutable_as<float>().begin(),
                         [](float value) { return bf16_to_f32(f32_to_bf16(value)); });
  return rounded;
}

std::shared_ptr<const LinearWeight> LinearWeightCache::get(const std::vector<LinearSource>& sources,
                                                           ComputePrecision precision) {
  Key key{{}, precision};
  for (const LinearSource& source : sources) {
    key.addresses.push_back(source.weight.bytes().data());
    key.addresses.push_back(source.bias.bytes().data());
  }
  const std::scoped_lock lock(mutex_);
  std::erase_if(entries_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const LinearWeight>& remembered = entries_[std::move(key)];
  if (auto found = remembered.lock()) {
    return found;
  }
  auto entry = std::make_shared<const Entry>(Entry{sources, lay_out(sources, precision)});
  std::shared_ptr<const LinearWeight> weight(entry, &entry->weight);
  remembered = weight;
  return weight;
}

}  // namespace asterism
