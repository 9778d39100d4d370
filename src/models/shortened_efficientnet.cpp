#include "models/shortened_efficientnet.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "models/initial_parts.hpp"

namespace asterism {
namespace {

std::string block_path(std::int64_t index) {
  return fmt::format("_blocks.{}.", index);
}

bool has_prefix(const std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  const auto it = tensors.lower_bound(prefix);
  return it != tensors.end() && it->first.starts_with(prefix);
}

std::int64_t count_blocks(const std::map<std::string, Tensor>& tensors) {
  std::int64_t count = 0;
  while (has_prefix(tensors, block_path(count))) {
    ++count;
  }
  return count;
}

void put_fresh_head(ImageCheckpoint& checkpoint, std::int64_t in_size, const ShortenedEfficientnet& asked) {
  InitialTensors fresh(asked.seed);
  fresh.weight("_conv_head", {asked.head_size, in_size, 1, 1}, InitialRule::kKaimingNormal);
  fresh.batch_norm("_bn1", asked.head_size);
  for (auto& [name, tensor] : fresh.take()) {
    checkpoint.tensors.insert_or_assign(name, std::move(tensor));
  }
}

}  // namespace

bool has_efficientnet_pytorch_names(const ImageCheckpoint& checkpoint) {
  return checkpoint.tensors.contains("_blocks.0._depthwise_conv.weight");
}

Result<ImageCheckpoint> shorten_efficientnet(ImageCheckpoint checkpoint, const ShortenedEfficientnet& asked) {
  const std::int64_t found = count_blocks(checkpoint.tensors);
  const std::int64_t kept = asked.block_count > 0 ? asked.block_count : found;
  if (kept > found || found == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: \"block_count\": expected at most {}, which {} has, found {}", asked.section, found,
                            checkpoint.source, kept));
  }
  if (kept < found && asked.head_size == 0) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: \"head_size\" is missing: {} of {} blocks are kept, and the last convolution belongs to "
                    "the others",
                    asked.section, kept, found),
        "give the number of dimensions that the vectors shall have");
  }
  const auto projected = checkpoint.tensors.find(block_path(kept - 1) + "_project_conv.weight");
  if (projected == checkpoint.tensors.end() || projected->second.shape().empty()) {
    return fail(ErrorCode::kMismatch, fmt::format("{}: expected a tensor \"{}_project_conv.weight\", found none",
                                                  checkpoint.source, block_path(kept - 1)));
  }
  const std::int64_t in_size = projected->second.shape().front();
  std::erase_if(checkpoint.tensors, [&](const auto& entry) {
    const std::string& name = entry.first;
    if (name.starts_with("_fc.") || (asked.head_size > 0 && name.starts_with("_bn1."))) {
      return true;
    }
    for (std::int64_t i = kept; i < found; ++i) {
      if (name.starts_with(block_path(i))) {
        return true;
      }
    }
    return false;
  });
  if (asked.head_size > 0) {
    put_fresh_head(checkpoint, in_size, asked);
  }
  checkpoint.config = Json{{"model_type", kShortenedEfficientnetType}};
  return checkpoint;
}

}  // namespace asterism
