// Text to token ids, identical to the Hugging Face `tokenizers` package (ids and offsets), many times faster.
//
// A Tokenizer is made once from tokenizer.json or a vocabulary's own files and is immutable: encode() may run on many
// threads, each with its own TokenizerScratch (or none, which allocates). Invalid UTF-8: each maximal ill-formed
// sequence counts as one U+FFFD, as Unicode 15 section 3.9 recommends; offsets still count the bytes of the input.
// Cost: no allocation per call once scratch and output have grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism {

namespace tok {
struct TokenizerParts;
}

using TokenId = std::int32_t;

// Bytes of one text that are read; what lies behind is not seen, nor counted.
inline constexpr std::size_t kTextSizeBytesMax = std::size_t{1} << 24U;

// Byte range [begin, end) in the input text; special tokens that the post-processor adds have {0, 0}.
struct TokenOffset {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const TokenOffset&) const = default;
};

struct EncodingOptions {
  bool add_special_tokens = true;
  // Longest result, special tokens included; 0 = no limit. Tokens past it are dropped from the right, as `tokenizers`
  // does; a limit that leaves no room for text keeps the first special tokens.
  std::size_t token_count_max = 0;
  bool with_offsets = false;
};

struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TokenOffset> offsets;   // empty unless asked for
  std::size_t token_count_given = 0;  // before truncation, special tokens included
  bool truncated() const noexcept { return ids.size() < token_count_given; }
};

class TokenizerScratch;

// Values that the model folder's configuration overrides in the tokenizer's own file.
struct TokenizerOverrides {
  // kOn puts a lower-casing step in front of the file's normaliser (sentence-transformers' do_lower_case); kOff removes
  // all.
  enum class Lowercase { kAsInFile, kOn, kOff } lowercase = Lowercase::kAsInFile;
};

class Tokenizer {
 public:
  // `path` is a tokenizer.json; components this program does not implement are kUnsupported and named.
  static Result<Tokenizer> from_json_file(const std::filesystem::path& path, const TokenizerOverrides& overrides = {});
  static Result<Tokenizer> from_json_text(std::string_view text, std::string_view source,
                                          const TokenizerOverrides& overrides = {});
  // A BERT vocabulary, one token a line; the folder's tokenizer_config.json (do_lower_case, strip_accents,
  // tokenize_chinese_chars, special tokens) is honoured.
  static Result<Tokenizer> from_vocab_file(const std::filesystem::path& path, const TokenizerOverrides& overrides = {});
  // tokenizer.json if there, else vocab.txt, else vocab.json with merges.txt (as CLIP, RoBERTa and GPT-2 had before
  // tokenizer.json; tokenizer_config.json or config.json says whose they are). What a BERT tokenizer's
  // tokenizer_config.json says of lower case, accents and Chinese characters goes before tokenizer.json, as in
  // transformers.
  static Result<Tokenizer> from_folder(const std::filesystem::path& folder, const TokenizerOverrides& overrides = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Overwrites `out`. Never fails: every byte string has an encoding.
  void encode(std::string_view text, const EncodingOptions& options, TokenizerScratch& scratch, Encoding& out) const;
  Encoding encode(std::string_view text, const EncodingOptions& options = {}) const;

  // The text that ids stand for (decode.hpp); ids outside the vocabulary are left out.
  std::string decode(std::span<const TokenId> ids, bool skip_special_tokens) const;

  std::size_t vocabulary_size() const noexcept;
  // The token's text as the vocabulary spells it ("##ing"); empty for an id outside.
  std::string_view token(TokenId id) const noexcept;
  // -1 when the vocabulary lacks it.
  TokenId token_id(std::string_view token) const noexcept;
  // -1 when the model has none.
  TokenId unknown_id() const noexcept;
  bool is_special(TokenId id) const noexcept;
  // Tokens the post-processor adds to one text ([CLS], [SEP]: 2).
  std::size_t special_token_count() const noexcept;
  // What the post-processor puts in front of and behind one text (the outermost, if it puts several), and what batches
  // are padded with: tokenizer_config.json's "pad_token", else "padding" of tokenizer.json. -1 where there is none.
  TokenId beginning_id() const noexcept;
  TokenId end_id() const noexcept;
  TokenId padding_id() const noexcept;
  // "truncation.max_length" of tokenizer.json; 0 when absent.
  std::size_t token_count_max_in_file() const noexcept;
  // What the file says, for `asterism models show`: "WordPiece, 30522 tokens, lowercase".
  std::string description() const;

  struct Impl;

 private:
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  static Result<Tokenizer> from_parts(Result<tok::TokenizerParts> parts, const TokenizerOverrides& overrides);
  std::unique_ptr<const Impl> impl_;
};

// Per-thread working memory; contents are private to the tokenizer.
class TokenizerScratch {
 public:
  TokenizerScratch();
  ~TokenizerScratch();
  TokenizerScratch(TokenizerScratch&&) noexcept;
  TokenizerScratch& operator=(TokenizerScratch&&) noexcept;
  struct Impl;
  Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism
