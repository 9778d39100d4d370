#include "graph/feeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "graph/infer.hpp"

namespace asterism {
namespace {

// Token counts and offsets are i32.
constexpr std::int64_t kTokenCountMax = std::numeric_limits<std::int32_t>::max();

std::optional<FeedRole> role_of_use(Op op, std::size_t input_index, const Value& input) {
  if (op == Op::kEmbedding && input_index == 1) {
    return input.shape[0] == kRowDim ? FeedRole::kIdPerRow : FeedRole::kTokenIds;
  }
  if (op == Op::kAttention && input_index == 3) {
    return FeedRole::kOffsets;
  }
  if (op == Op::kPool && input_index == 1) {
    return FeedRole::kRanges;
  }
  if (op == Op::kGatherTokens && input_index == 1) {
    return FeedRole::kRowIds;
  }
  return std::nullopt;
}

std::unexpected<Error> bad_feed(const FeedSlot& slot, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("feed \"{}\": {}", slot.name, what));
}

bool counts_tokens(FeedRole role) {
  return role == FeedRole::kTokenIds || role == FeedRole::kTokenRows;
}

bool counts_rows(FeedRole role) {
  return role == FeedRole::kRows || role == FeedRole::kRanges || role == FeedRole::kRowIds ||
         role == FeedRole::kIdPerRow;
}

Result<void> check_type(const FeedSlot& slot, const Shape& declared, const Tensor& tensor) {
  const bool is_integer = slot.role != FeedRole::kTokenRows && slot.role != FeedRole::kRows;
  const DType dtype = is_integer ? DType::kI32 : DType::kF32;
  bool fits = tensor.dtype() == dtype && tensor.shape().size() == declared.size();
  for (std::size_t axis = 0; fits && axis < declared.size(); ++axis) {
    fits = declared[axis] < 0 || tensor.shape()[axis] == declared[axis];
  }
  if (!fits || tensor.shape().empty() || tensor.shape()[0] > kTokenCountMax) {
    return bad_feed(slot,
                    fmt::format("expected {} {}, found {} {}", dtype_name(dtype), symbolic_shape_to_string(declared),
                                dtype_name(tensor.dtype()), shape_to_string(tensor.shape())));
  }
  return {};
}

Result<void> check_ids(const FeedSlot& slot, const Tensor& tensor) {
  const std::span<const std::int32_t> ids = tensor.as<std::int32_t>();
  const auto limit = static_cast<std::uint32_t>(std::min(slot.id_limit, kTokenCountMax));
  // As unsigned, a negative id is past every limit; the plain loop vectorises.
  std::uint32_t largest = 0;
  for (const std::int32_t id : ids) {
    largest = std::max(largest, static_cast<std::uint32_t>(id));
  }
  if (ids.empty() || largest < limit) {
    return {};
  }
  const auto it = std::ranges::find_if(ids, [&](std::int32_t id) { return static_cast<std::uint32_t>(id) >= limit; });
  const std::string_view where = slot.role == FeedRole::kTokenIds   ? "token"
                                 : slot.role == FeedRole::kIdPerRow ? "row"
                                                                    : "position";
  const std::string_view what = slot.role == FeedRole::kRowIds ? "{} tokens" : "table of {} rows";
  return bad_feed(slot, fmt::format("id {} at {} {} is outside the {}", *it, where, it - ids.begin(),
                                    fmt::format(fmt::runtime(what), slot.id_limit)));
}

Result<void> check_offsets(const FeedSlot& slot, const Tensor& tensor, std::int64_t token_count) {
  const std::span<const std::int32_t> offsets = tensor.as<std::int32_t>();
  if (offsets.empty() || offsets[0] != 0) {
    return bad_feed(slot, "expected at least one offset, and the first to be 0");
  }
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      return bad_feed(slot, fmt::format("expected offsets that never fall, found {} after {} at {}", offsets[i],
                                        offsets[i - 1], i));
    }
  }
  if (offsets.back() > token_count) {
    return bad_feed(slot, fmt::format("the last offset is {}, but there are {} tokens", offsets.back(), token_count));
  }
  return {};
}

Result<void> check_ranges(const FeedSlot& slot, const Tensor& tensor, std::int64_t token_count) {
  const std::span<const std::int32_t> ranges = tensor.as<std::int32_t>();
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2) {
    if (ranges[i] < 0 || ranges[i] > ranges[i + 1] || ranges[i + 1] > token_count) {
      return bad_feed(slot, fmt::format("range {} is [{}, {}), expected it ordered and within {} tokens", i / 2,
                                        ranges[i], ranges[i + 1], token_count));
    }
  }
  return {};
}

// Reads one count (tokens or texts) from every feed that carries it; all must agree.
Result<void> agree(const FeedSlot& slot, std::int64_t count, std::string_view what,
                   std::optional<std::int64_t>& agreed) {
  if (agreed && *agreed != count) {
    return bad_feed(slot, fmt::format("expected {} {} as in the other feeds, found {}", *agreed, what, count));
  }
  agreed = count;
  return {};
}

}  // namespace

Result<FeedPlan> FeedPlan::make(const Graph& graph) {
  std::vector<std::optional<FeedRole>> roles(graph.values().size());
  std::vector<std::int64_t> limits(graph.values().size(), kTokenCountMax);
  std::vector<bool> clashes(graph.values().size(), false);
  for (const Value& user : graph.values()) {
    for (std::size_t i = 0; i < user.inputs.size(); ++i) {
      const auto source = static_cast<std::size_t>(user.inputs[i]);
      const Value& value = graph.values()[source];
      if (value.op != Op::kInput) {
        continue;
      }
      auto role = role_of_use(user.op, i, value);
      if (!role) {
        role = value.shape[0] == kRowDim ? FeedRole::kRows : FeedRole::kTokenRows;
      }
      clashes[source] = clashes[source] || (roles[source] && *roles[source] != *role);
      roles[source] = role;
      if (*role == FeedRole::kTokenIds || *role == FeedRole::kRowIds || *role == FeedRole::kIdPerRow) {
        const std::size_t axis = *role == FeedRole::kRowIds ? 1 : 0;
        limits[source] = std::min(limits[source], graph.value(user.inputs[0]).shape[axis]);
      }
    }
  }
  FeedPlan plan;
  for (std::size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    if (value.op != Op::kInput) {
      continue;
    }
    if (!roles[i] || clashes[i]) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("graph: input \"{}\" is used {}", value.name, clashes[i] ? "in two roles" : "by nothing"),
                  "cut the graph by its outputs first");
    }
    plan.slots_.push_back({ValueId{static_cast<std::uint32_t>(i)}, value.name, *roles[i], limits[i]});
    plan.shapes_.push_back(value.shape);
  }
  return plan;
}

Result<CheckedFeeds> FeedPlan::check(const std::vector<Feed>& feeds) const {
  CheckedFeeds checked;
  std::optional<std::int64_t> token_count;
  std::optional<std::int64_t> row_count;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const FeedSlot& slot = slots_[i];
    const auto it = std::ranges::find(feeds, slot.name, &Feed::name);
    if (it == feeds.end()) {
      return bad_feed(slot, fmt::format("expected {}, found no such feed", symbolic_shape_to_string(shapes_[i])));
    }
    if (auto ok = check_type(slot, shapes_[i], it->tensor); !ok) {
      return std::unexpected(ok.error());
    }
    const std::int64_t rows = it->tensor.shape()[0];
    Result<void> ok;
    if (counts_tokens(slot.role)) {
      ok = agree(slot, rows, "tokens", token_count);
    } else if (counts_rows(slot.role)) {
      ok = agree(slot, rows, "rows", row_count);
    } else if (rows == 0) {
      ok = bad_feed(slot, "expected at least one offset, found none");
    }
    if (!ok) {
      return std::unexpected(ok.error());
    }
    checked.tensors.push_back(&it->tensor);
  }
  checked.token_count = token_count.value_or(0);
  checked.row_count = row_count.value_or(0);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Tensor& tensor = *checked.tensors[i];
    Result<void> ok;
    switch (slots_[i].role) {
      case FeedRole::kTokenIds:
      case FeedRole::kRowIds:
      case FeedRole::kIdPerRow:
        ok = check_ids(slots_[i], tensor);
        break;
      case FeedRole::kOffsets:
        ok = check_offsets(slots_[i], tensor, checked.token_count);
        break;
      case FeedRole::kRanges:
        ok = check_ranges(slots_[i], tensor, checked.token_count);
        break;
      case FeedRole::kTokenRows:
      case FeedRole::kRows:
        break;
    }
    if (!ok) {
      return std::unexpected(ok.error());
    }
  }
  return checked;
}

}  // namespace asterism
