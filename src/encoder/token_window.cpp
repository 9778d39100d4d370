#include "encoder/token_window.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "encoder/text_graph.hpp"

namespace asterism {
namespace {

// Texts that one thread tokenises before it asks for more.
constexpr std::size_t kTextsPerChunk = 64;

// Drops tokens after the leading special ones until `count_max` are left.
void drop_first_tokens(Encoding& encoding, std::size_t count_max, std::size_t leading_count) {
  if (encoding.ids.size() > count_max) {
    const auto begin = encoding.ids.begin() + static_cast<std::ptrdiff_t>(leading_count);
    encoding.ids.erase(begin, begin + static_cast<std::ptrdiff_t>(encoding.ids.size() - count_max));
  }
}

void add_prompt_feeds(std::span<const std::int32_t> range, std::span<const std::int32_t> offset,
                      const FeedOptions& options, std::vector<Feed>& feeds) {
  const std::size_t text_count = offset.size() - 1;
  const auto texts = static_cast<std::int64_t>(text_count);
  Tensor cls_ranges(DType::kI32, {texts, 2});
  Tensor weighted(DType::kF32, {texts, static_cast<std::int64_t>(options.share_dim)});
  Tensor plain(DType::kF32, weighted.shape());
  auto cls_range = cls_ranges.mutable_as<std::int32_t>();
  for (std::size_t i = 0; i < text_count; ++i) {
    const bool empty = range[2 * i] == range[2 * i + 1];
    cls_range[2 * i] = empty ? offset[i] : range[2 * i];
    cls_range[2 * i + 1] = offset[i + 1];
    const double skipped = range[2 * i] - offset[i];
    const double count = range[2 * i + 1] - range[2 * i];
    const double own = count * (count + 1.0) / 2.0;  // sum of 1 ... count
    const double share = empty ? 1.0 : own / (own + skipped * count);
    std::ranges::fill(weighted.mutable_as<float>().subspan(i * options.share_dim, options.share_dim),
                      static_cast<float>(share));
    std::ranges::fill(plain.mutable_as<float>().subspan(i * options.share_dim, options.share_dim),
                      static_cast<float>(1.0 - share));
  }
  feeds.push_back({std::string(kClsRangesInput), std::move(cls_ranges)});
  if (options.share_dim != 0) {
    feeds.push_back({std::string(kWeightedShareInput), std::move(weighted)});
    feeds.push_back({std::string(kMeanShareInput), std::move(plain)});
  }
}

}  // namespace

std::unique_ptr<TokenizeScratch> ScratchPool::take() {
  {
    const std::scoped_lock lock(mutex_);
    if (!free_.empty()) {
      auto scratch = std::move(free_.back());
      free_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<TokenizeScratch>();
}

void ScratchPool::put(std::unique_ptr<TokenizeScratch> scratch) {
  const std::scoped_lock lock(mutex_);
  free_.push_back(std::move(scratch));
}

void tokenize_text(const Tokenizer& tokenizer, const TokenizeSettings& settings, std::string_view text,
                   TokenizeScratch& scratch) {
  if (!settings.prompt.empty()) {
    scratch.text.assign(settings.prompt).append(text);
    text = scratch.text;
  }
  const EncodingOptions options{.add_special_tokens = settings.add_special_tokens,
                                .token_count_max = settings.truncate_left ? 0 : settings.token_count_max};
  tokenizer.encode(text, options, scratch.tokenizer, scratch.encoding);
  if (settings.truncate_left && settings.token_count_max != 0) {
    drop_first_tokens(scratch.encoding, settings.token_count_max, settings.leading_special_count);
  }
}

TokenWindow TokenWindow::make(const Tokenizer& tokenizer, const TokenizeSettings& settings,
                              std::span<const std::string_view> texts, ScratchPool& scratch, ThreadPool* pool,
                              std::span<RowReport> reports) {
  TokenWindow window;
  window.texts_.resize(texts.size());
  window.chunks_.resize((texts.size() + kTextsPerChunk - 1) / kTextsPerChunk);
  const auto tokenize_chunk = [&](std::size_t chunk) {
    const std::size_t begin = chunk * kTextsPerChunk;
    const std::size_t end = std::min(begin + kTextsPerChunk, texts.size());
    auto working = scratch.take();
    std::vector<TokenId>& ids = window.chunks_[chunk];
    std::vector<std::size_t> ends;
    ends.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      tokenize_text(tokenizer, settings, texts[i], *working);
      const Encoding& encoding = working->encoding;
      ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
      if (encoding.ids.size() < settings.fixed_token_count) {
        ids.insert(ids.end(), settings.fixed_token_count - encoding.ids.size(), settings.pad_token);
      }
      ends.push_back(ids.size());
      reports[i] = {.token_count_given = static_cast<std::uint32_t>(encoding.token_count_given),
                    .token_count_used = static_cast<std::uint32_t>(encoding.ids.size())};
    }
    // Only now: the vector has stopped moving.
    std::size_t start = 0;
    for (std::size_t i = begin; i < end; ++i) {
      window.texts_[i] = std::span<const TokenId>(ids).subspan(start, ends[i - begin] - start);
      start = ends[i - begin];
    }
    scratch.put(std::move(working));
  };
  const auto tokenize_range = [&](std::size_t begin, std::size_t end) {
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      tokenize_chunk(chunk);
    }
  };
  if (pool != nullptr && window.chunks_.size() > 1) {
    pool->parallel_for(window.chunks_.size(), 1, tokenize_range);
  } else {
    tokenize_range(0, window.chunks_.size());
  }
  for (const auto& chunk : window.chunks_) {
    window.token_count_ += chunk.size();
  }
  return window;
}

TokenWindow TokenWindow::from_tokens(std::span<const std::vector<std::uint32_t>> texts) {
  TokenWindow window;
  for (const auto& text : texts) {
    // The signed type of the same width may look at them.
    window.texts_.emplace_back(reinterpret_cast<const TokenId*>(text.data()), text.size());
    window.token_count_ += text.size();
  }
  return window;
}

std::vector<std::size_t> TokenWindow::token_counts() const {
  std::vector<std::size_t> counts(texts_.size());
  std::ranges::transform(texts_, counts.begin(), [](std::span<const TokenId> tokens) { return tokens.size(); });
  return counts;
}

namespace {

// One past the token that ends the range of a text; a text without such a token is taken whole.
std::size_t end_of_range(std::span<const TokenId> tokens, const TextEnd& end) {
  if (tokens.empty() || end.rule == TextEndRule::kLastToken) {
    return tokens.size();
  }
  const auto found = end.rule == TextEndRule::kHighestToken
                         ? std::ranges::max_element(tokens)
                         : std::ranges::find(tokens, static_cast<TokenId>(end.token));
  return found == tokens.end() ? tokens.size() : static_cast<std::size_t>(found - tokens.begin()) + 1;
}

}  // namespace

std::vector<Feed> make_feeds(const TokenWindow& window, Batch batch, const FeedOptions& options) {
  std::size_t token_count = 0;
  for (const std::uint32_t text : batch) {
    token_count += window.tokens(text).size();
  }
  const auto rows = static_cast<std::int64_t>(token_count);
  const auto texts = static_cast<std::int64_t>(batch.size());
  Tensor ids(DType::kI32, {rows});
  Tensor positions(DType::kI32, {rows});
  Tensor offsets(DType::kI32, {texts + 1});
  Tensor ranges(DType::kI32, {texts, 2});
  auto id = ids.mutable_as<std::int32_t>();
  auto position = positions.mutable_as<std::int32_t>();
  auto offset = offsets.mutable_as<std::int32_t>();
  auto range = ranges.mutable_as<std::int32_t>();
  std::size_t next = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto tokens = window.tokens(batch[i]);
    offset[i] = static_cast<std::int32_t>(next);
    range[2 * i] = static_cast<std::int32_t>(next + std::min(options.skip_token_count, tokens.size()));
    std::ranges::copy(tokens, id.begin() + static_cast<std::ptrdiff_t>(next));
    const auto place = position.subspan(next, tokens.size());
    std::iota(place.begin(), place.end(), 0);
    range[2 * i + 1] = static_cast<std::int32_t>(next + end_of_range(tokens, options.end));
    next += tokens.size();
  }
  offset[batch.size()] = static_cast<std::int32_t>(next);
  std::vector<Feed> feeds;
  feeds.reserve(7);
  if (options.skip_token_count != 0 || options.share_dim != 0) {
    add_prompt_feeds(range, offset, options, feeds);
  }
  feeds.push_back({"input_ids", std::move(ids)});
  feeds.push_back({"position_ids", std::move(positions)});
  feeds.push_back({"offsets", std::move(offsets)});
  feeds.push_back({std::string(kRangesInput), std::move(ranges)});
  return feeds;
}

}  // namespace asterism
