#include "tokenizer/bpe_merges.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.hpp"

namespace asterism::tok {

MergeReader::MergeReader(std::string_view continuing_prefix, const Vocabulary& vocabulary, std::string place)
    : prefix_size_bytes_(continuing_prefix.size()), vocabulary_(vocabulary), place_(std::move(place)) {}

Result<void> MergeReader::add(std::string_view left, std::string_view right) {
  if (merges_.size() >= kMergeCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("{}: more than {} merges, expected at most {}", place_, kMergeCountMax, kMergeCountMax));
  }
  const auto complain = [&](std::string_view missing) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: merge {} is \"{}\" and \"{}\", but \"{}\" is not in the vocabulary", place_,
                            merges_.size(), left, right, missing));
  };
  const TokenId left_id = vocabulary_.find(left);
  const TokenId right_id = vocabulary_.find(right);
  if (left_id < 0 || right_id < 0) {
    return complain(left_id < 0 ? left : right);
  }
  // The right one goes on behind the left one, so it loses its prefix. Whole characters must be left of it, and every
  // merge make a longer text: what was noted of a pair before then cannot fit a later one.
  if (left.empty() || right.size() <= prefix_size_bytes_ || is_continuation_byte(right[prefix_size_bytes_])) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: merge {} is \"{}\" and \"{}\", expected a text and more than a prefix of {} bytes",
                            place_, merges_.size(), left, right, prefix_size_bytes_));
  }
  joined_.assign(left);
  joined_ += right.substr(prefix_size_bytes_);
  const TokenId result = vocabulary_.find(joined_);
  if (result < 0) {
    return complain(joined_);
  }
  merges_.push_back({left_id, right_id, result});
  return {};
}

}  // namespace asterism::tok
