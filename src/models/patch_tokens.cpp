#include "models/patch_tokens.hpp"

#include <utility>

namespace asterism {
namespace {

ValueId position_add(GraphBuilder& builder, const TokenPlan& plan, ValueId tokens) {
  const Shape shape = builder.shape(tokens);
  if (plan.position.empty() || shape.size() != 3) {
    return tokens;
  }
  const ValueId table = builder.parameter(plan.position, {1, shape[1], shape[2]});
  return builder.add(plan.position + ".add", tokens, table);
}

class PrefixBuilder {
 public:
  PrefixBuilder(GraphBuilder& builder, const TokenPlan& plan, ValueId image)
      : builder_(builder), plan_(plan), image_(image) {}

  // Prefix tokens [begin, end) for every image.
  std::vector<ValueId> broadcast(std::size_t begin, std::size_t end) {
    std::vector<ValueId> parts;
    for (std::size_t i = begin; i < end; ++i) {
      const PrefixToken& token = plan_.prefix[i];
      const ValueId parameter = builder_.parameter(token.parameter, {1, token.count, plan_.convolution.out_size});
      parts.push_back(builder_.broadcast_rows(token.parameter + ".broadcast", parameter, image_));
    }
    return parts;
  }

 private:
  GraphBuilder& builder_;
  const TokenPlan& plan_;
  ValueId image_;
};

ValueId join(GraphBuilder& builder, const std::string& name, const std::vector<ValueId>& parts) {
  return parts.size() == 1 ? parts.front() : builder.concat(name, parts, 1);
}

// Patches as they are seen: some of them are the mask token.
ValueId masked(GraphBuilder& builder, const TokenPlan& plan, ValueId patches) {
  if (!plan.mask_ids) {
    return patches;
  }
  const ValueId token = builder.parameter(plan.mask_token, {1, 1, plan.convolution.out_size});
  const std::array parts{patches, builder.broadcast_rows(plan.mask_token + ".broadcast", token, patches)};
  const ValueId all = builder.concat(plan.patches_name + ".with_mask", parts, 1);
  return builder.gather_tokens(plan.patches_name + ".masked", all, *plan.mask_ids);
}

}  // namespace

std::int64_t prefix_token_count(const std::vector<PrefixToken>& prefix) noexcept {
  std::int64_t count = 0;
  for (const PrefixToken& token : prefix) {
    count += token.count;
  }
  return count;
}

ValueId patch_tokens(GraphBuilder& builder, const TokenPlan& plan, ValueId image) {
  const ValueId map = patch_convolution_module(builder, plan.patch_path, image, plan.convolution);
  const Shape shape = builder.shape(map);
  const std::int64_t patch_count = shape.size() == 4 ? shape[2] * shape[3] : 1;
  const ValueId flat = builder.reshape(plan.patches_name + ".flatten", map, {plan.convolution.out_size, patch_count});
  const ValueId patches = masked(builder, plan, builder.transpose(plan.patches_name, flat, {0, 2, 1}));
  const std::size_t placed = plan.placed_prefix_count;
  PrefixBuilder prefix(builder, plan, image);
  std::vector<ValueId> front = prefix.broadcast(0, placed);
  front.push_back(patches);
  const ValueId added = position_add(builder, plan, join(builder, plan.patches_name + ".with_prefix", front));
  ValueId result = added;
  if (plan.kept_ids) {
    result = builder.gather_tokens(plan.patches_name + ".kept", added, *plan.kept_ids);
  }
  if (placed < plan.prefix.size()) {
    std::vector<ValueId> parts;
    const std::int64_t front_size =
        prefix_token_count({plan.prefix.begin(), plan.prefix.begin() + static_cast<std::ptrdiff_t>(placed)});
    const std::string name = plan.patches_name + ".all";
    if (front_size > 0) {
      parts.push_back(builder.slice(name + ".front", result, {.axis = 1, .begin = 0, .size = front_size}));
    }
    const std::vector<ValueId> rest = prefix.broadcast(placed, plan.prefix.size());
    parts.insert(parts.end(), rest.begin(), rest.end());
    parts.push_back(
        front_size > 0 ? builder.slice(name + ".patches", result, {.axis = 1, .begin = front_size, .size = patch_count})
                       : result);
    result = join(builder, name, parts);
  }
  if (!plan.result_name.empty()) {
    builder.alias(plan.result_name, result);
  }
  return result;
}

}  // namespace asterism
