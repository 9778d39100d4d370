// The tokens of one window of texts, and how they are cut into batches.
//
// Texts run packed: a batch is the tokens of its texts one after the other. Batches are cut by a token budget from the
// texts in order of length, longest first, so that the work of a batch is even and the last ones are the small ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "base/thread_pool.hpp"
#include "encoder/batch_plan.hpp"
#include "graph/backend.hpp"
#include "models/family.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {

// How texts become tokens: the same for every text of an encoder.
struct TokenizeSettings {
  std::string prompt;  // put before every text
  bool add_special_tokens = true;
  std::size_t token_count_max = 0;  // 0 = no limit
  // Shorter texts are filled up with `pad_token` to this many, which count as tokens of the text; 0 = none.
  std::size_t fixed_token_count = 0;
  TokenId pad_token = 0;
  // Over-long texts lose their beginning instead of their end. The special tokens in front, this many, stay.
  bool truncate_left = false;
  std::size_t leading_special_count = 0;
};

// Working memory of one thread at a time, kept between calls.
struct TokenizeScratch {
  TokenizerScratch tokenizer;
  Encoding encoding;
  std::string text;                 // prompt and text
  std::vector<std::uint32_t> rows;  // of a static table
  std::vector<float> weights;       // of the same tokens
  std::vector<float> pooled;        // before columns are dropped
};

// Hands out scratch to whichever thread asks. Thread-safe.
class ScratchPool {
 public:
  std::unique_ptr<TokenizeScratch> take();
  void put(std::unique_ptr<TokenizeScratch> scratch);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<TokenizeScratch>> free_;
};

// Tokenises prompt + text into scratch.encoding.
void tokenize_text(const Tokenizer& tokenizer, const TokenizeSettings& settings, std::string_view text,
                   TokenizeScratch& scratch);

class TokenWindow {
 public:
  // `pool` null: on the calling thread. Fills reports[i] for texts[i].
  static TokenWindow make(const Tokenizer& tokenizer, const TokenizeSettings& settings,
                          std::span<const std::string_view> texts, ScratchPool& scratch, ThreadPool* pool,
                          std::span<RowReport> reports);

  // Of texts that are tokens already; they must outlive the window.
  static TokenWindow from_tokens(std::span<const std::vector<std::uint32_t>> texts);

  std::size_t text_count() const noexcept { return texts_.size(); }
  std::span<const TokenId> tokens(std::size_t text) const noexcept { return texts_[text]; }
  std::size_t token_count() const noexcept { return token_count_; }
  std::vector<std::size_t> token_counts() const;  // of each text

 private:
  std::vector<std::vector<TokenId>> chunks_;
  std::vector<std::span<const TokenId>> texts_;
  std::size_t token_count_ = 0;
};

struct FeedOptions {
  std::size_t skip_token_count = 0;  // tokens in front of each text that pooling leaves out
  TextEnd end = {};                  // the token with which the range of each text ends
  std::size_t share_dim = 0;         // width of the shares of a weighted mean (text_graph.hpp); 0 = not needed
};

// Feeds of one batch, by the names in text_graph.hpp and models/family.hpp.
std::vector<Feed> make_feeds(const TokenWindow& window, Batch batch, const FeedOptions& options);

}  // namespace asterism
