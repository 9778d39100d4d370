#include "tokenizer/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tokenizer/decode.hpp"
#include "tokenizer/tokenizer_impl.hpp"

namespace asterism {

using tok::AddedToken;
using tok::AlignedText;
using tok::Segment;
using tok::SegmentedText;

struct TokenizerScratch::Impl {
  std::shared_ptr<const int> identity;  // of the tokenizer that `words` belongs to
  tok::WordState words;
  tok::ByteState bytes;
  std::vector<tok::UnigramStep> steps;
  std::vector<Segment> raw_segments;
  AlignedText source;
  AlignedText part;
  AlignedText spare_part;
  SegmentedText text;
  tok::PreTokenizeState pre_tokenize;

  void belong_to(const std::shared_ptr<const int>& owner) {
    if (identity != owner) {
      identity = owner;
      words.cache.clear();
      bytes.cache.clear();
      words.stream.reset();
    }
  }
};

TokenizerScratch::TokenizerScratch() : impl_(std::make_unique<Impl>()) {}
TokenizerScratch::~TokenizerScratch() = default;
TokenizerScratch::TokenizerScratch(TokenizerScratch&&) noexcept = default;
TokenizerScratch& TokenizerScratch::operator=(TokenizerScratch&&) noexcept = default;

namespace {

// The whole pipeline at once needs BERT's parts in BERT's order and nothing to look for in the normalised text.
bool is_bert(const tok::TokenizerParts& parts) {
  const auto splits = [&](std::size_t i, tok::SplitClass at, tok::SplitBehavior behavior) {
    const auto* step = std::get_if<tok::SplitStep>(&parts.pre_tokenizer[i]);
    return step != nullptr && step->at == at && step->behavior == behavior;
  };
  return std::holds_alternative<tok::WordPiece>(parts.model) && !parts.post_processor.trim &&
         parts.normalizer.size() == 1 && std::holds_alternative<tok::BertNormalizerOptions>(parts.normalizer.front()) &&
         parts.pre_tokenizer.size() == 2 && splits(0, tok::SplitClass::kWhitespace, tok::SplitBehavior::kRemoved) &&
         splits(1, tok::SplitClass::kPunctuation, tok::SplitBehavior::kIsolated);
}

// The input as well-formed UTF-8, each byte in its own place.
void push_sanitized(std::string_view text, AlignedText& out) {
  for (std::uint32_t i = 0; i < text.size();) {
    const DecodedChar c = decode_utf8(text, i);
    out.push(c.code_point, {i, i + c.size_bytes});
    i += c.size_bytes;
  }
}

// Normalises what lies between the added tokens of the input and cuts out those of the normalised text.
void normalize_segments(const Tokenizer::Impl& impl, TokenizerScratch::Impl& scratch) {
  scratch.text.clear();
  for (const Segment& segment : scratch.raw_segments) {
    if (scratch.text.text.size() >= tok::kNormalizedSizeBytesMax) {
      break;
    }
    const auto shift = static_cast<std::uint32_t>(scratch.text.text.size());
    scratch.part.clear();
    scratch.part.append(scratch.source, segment.begin, segment.end);
    if (segment.id == tok::kNoToken) {
      tok::normalize(impl.parts.normalizer, scratch.part, scratch.spare_part);
      impl.normalized_finder.find(scratch.part.bytes, shift, scratch.text.segments);
    } else {
      scratch.text.segments.push_back({shift, shift + static_cast<std::uint32_t>(scratch.part.size()), segment.id});
    }
    scratch.text.text.append(scratch.part, 0, scratch.part.size());
  }
}

void encode_segment(const Tokenizer::Impl& impl, std::string_view bytes, TokenizerScratch::Impl& scratch) {
  if (const auto* wordpiece = std::get_if<tok::WordPiece>(&impl.parts.model)) {
    tok::encode_word(impl.parts.vocabulary, *wordpiece, bytes, scratch.words);
  } else if (const auto* bpe = std::get_if<tok::Bpe>(&impl.parts.model)) {
    tok::encode_cached(bytes, scratch.words.cache, scratch.words.pieces, [&](std::vector<tok::Piece>& pieces) {
      bpe->encode(impl.parts.vocabulary, bytes, scratch.bytes.bpe, pieces);
    });
  } else {
    scratch.words.pieces.clear();
    std::get<tok::Unigram>(impl.parts.model).encode(impl.parts.vocabulary, bytes, scratch.steps, scratch.words.pieces);
  }
}

TokenOffset trimmed(const Tokenizer::Impl& impl, std::string_view text, TokenOffset offset, std::string_view token,
                    bool is_first) {
  const auto& trim = impl.parts.post_processor.trim;
  const tok::TokenPlace place = is_first ? tok::TokenPlace::kFirst : tok::TokenPlace::kLater;
  return trim ? tok::trim_offset(*trim, token, place, text, offset) : offset;
}

void encode_stepwise(const Tokenizer::Impl& impl, std::string_view text, bool with_offsets,
                     TokenizerScratch::Impl& scratch, Encoding& out) {
  scratch.source.clear();
  push_sanitized(text, scratch.source);
  scratch.raw_segments.clear();
  impl.raw_finder.find(scratch.source.bytes, 0, scratch.raw_segments);
  normalize_segments(impl, scratch);
  tok::pre_tokenize(impl.parts.pre_tokenizer, scratch.text, scratch.pre_tokenize);
  const AlignedText& whole = scratch.text.text;
  const std::size_t first_token = out.ids.size();
  const auto push = [&](TokenId id, std::size_t begin, std::size_t end, std::string_view token) {
    if (with_offsets) {
      out.offsets.push_back(trimmed(impl, text, whole.span_of(begin, end), token, out.ids.size() == first_token));
    }
    out.ids.push_back(id);
  };
  for (const Segment& segment : scratch.text.segments) {
    const std::string_view bytes = std::string_view(whole.bytes).substr(segment.begin, segment.end - segment.begin);
    if (segment.id != tok::kNoToken) {
      push(segment.id, segment.begin, segment.end, bytes);
      continue;
    }
    encode_segment(impl, bytes, scratch);
    for (const tok::Piece& piece : scratch.words.pieces) {
      push(piece.id, segment.begin + piece.begin, segment.begin + piece.end, impl.parts.vocabulary.text(piece.id));
    }
  }
}

void encode_bert(const Tokenizer::Impl& impl, std::string_view text, bool with_offsets, TokenizerScratch::Impl& scratch,
                 Encoding& out) {
  scratch.raw_segments.clear();
  impl.raw_finder.find(text, 0, scratch.raw_segments);
  for (const Segment& segment : scratch.raw_segments) {
    if (segment.id == tok::kNoToken) {
      impl.bert_path->encode(impl.parts.vocabulary, std::get<tok::WordPiece>(impl.parts.model), text, segment.begin,
                             segment.end, with_offsets, scratch.words, out);
      continue;
    }
    out.ids.push_back(segment.id);
    if (with_offsets) {
      out.offsets.push_back({segment.begin, segment.end});
    }
  }
}

void encode_bytes(const Tokenizer::Impl& impl, std::string_view text, bool with_offsets,
                  TokenizerScratch::Impl& scratch, Encoding& out) {
  scratch.raw_segments.clear();
  impl.raw_finder.find(text, 0, scratch.raw_segments);
  tok::BytePath::Request request{.text = text,
                                 .with_offsets = with_offsets,
                                 .trim = impl.parts.post_processor.trim,
                                 .first_token = out.ids.size()};
  for (const Segment& segment : scratch.raw_segments) {
    if (segment.id == tok::kNoToken) {
      request.begin = segment.begin;
      request.end = segment.end;
      impl.byte_path->encode(impl.parts.vocabulary, std::get<tok::Bpe>(impl.parts.model), request, scratch.bytes, out);
      continue;
    }
    if (with_offsets) {
      out.offsets.push_back(trimmed(impl, text, {segment.begin, segment.end},
                                    text.substr(segment.begin, segment.end - segment.begin),
                                    out.ids.size() == request.first_token));
    }
    out.ids.push_back(segment.id);
  }
}

// Drops tokens from the right so that the special tokens fit, and counts what there was.
void truncate(const EncodingOptions& options, std::size_t before_count, std::size_t after_count, Encoding& out) {
  out.token_count_given = out.ids.size() + after_count;
  if (options.token_count_max == 0 || out.token_count_given <= options.token_count_max) {
    return;
  }
  const std::size_t special_count = before_count + after_count;
  const std::size_t kept =
      before_count + (options.token_count_max > special_count ? options.token_count_max - special_count : 0);
  out.ids.resize(kept);
  if (options.with_offsets) {
    out.offsets.resize(kept);
  }
}

}  // namespace

Tokenizer::Impl::Impl(tok::TokenizerParts parts_in) : parts(std::move(parts_in)) {
  id_end = parts.vocabulary.size();
  AlignedText normalized;
  AlignedText spare;
  bool replacement_in_token = false;
  std::vector<tok::AddedPattern> raw_patterns;
  std::vector<tok::AddedPattern> normalized_patterns;
  for (std::size_t i = 0; i < parts.added_tokens.size(); ++i) {
    const AddedToken& token = parts.added_tokens[i];
    id_end = std::max(id_end, static_cast<std::size_t>(token.id) + 1);
    added_ids[token.content] = token.id;
    added_by_id[token.id] = i;
    replacement_in_token = replacement_in_token || token.content.find("\xEF\xBF\xBD") != std::string::npos;
    if (!token.normalized) {
      raw_patterns.push_back({token.content, token});
      continue;
    }
    normalized.clear();
    push_sanitized(token.content, normalized);
    tok::normalize(parts.normalizer, normalized, spare);
    if (normalized.size() > 0) {
      normalized_patterns.push_back({normalized.bytes, token});
    }
  }
  raw_finder = tok::AddedTokenFinder(raw_patterns);
  normalized_finder = tok::AddedTokenFinder(normalized_patterns);
  const auto is_lowered = [](const tok::AddedPattern& pattern) {
    return pattern.text.front() >= 'a' && pattern.text.front() <= 'z';
  };
  if (const auto* bpe = std::get_if<tok::Bpe>(&parts.model)) {
    byte_path = tok::BytePath::make(*bpe, parts.normalizer, parts.pre_tokenizer);
    // The finder reads the input as it is to see that nothing is there to find.
    if (byte_path && byte_path->lowers() && std::ranges::any_of(normalized_patterns, is_lowered)) {
      byte_path.reset();
    }
  }
  // Ill-formed bytes count as U+FFFD, which only the general way writes out for the finder.
  if (is_bert(parts) && normalized_finder.empty() && !replacement_in_token) {
    bert_path.emplace(std::get<tok::BertNormalizerOptions>(parts.normalizer.front()), parts.vocabulary,
                      std::get<tok::WordPiece>(parts.model));
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

void Tokenizer::encode(std::string_view text, const EncodingOptions& options, TokenizerScratch& scratch,
                       Encoding& out) const {
  TokenizerScratch::Impl& state = scratch.impl();
  state.belong_to(impl_->identity);
  text = text.substr(0, kTextSizeBytesMax);
  out.ids.clear();
  out.offsets.clear();
  const auto push_special = [&](TokenId id) {
    out.ids.push_back(id);
    if (options.with_offsets) {
      out.offsets.push_back({});
    }
  };
  const tok::SpecialFrame none;
  const tok::SpecialFrame& frame = options.add_special_tokens ? impl_->parts.post_processor.frame : none;
  std::ranges::for_each(frame.before, push_special);
  if (impl_->bert_path) {
    encode_bert(*impl_, text, options.with_offsets, state, out);
  } else if (impl_->byte_path && impl_->byte_path->takes(text) && !impl_->normalized_finder.may_find_in(text)) {
    encode_bytes(*impl_, text, options.with_offsets, state, out);
  } else {
    encode_stepwise(*impl_, text, options.with_offsets, state, out);
  }
  truncate(options, frame.before.size(), frame.after.size(), out);
  std::ranges::for_each(frame.after, push_special);
  if (options.token_count_max != 0 && out.ids.size() > options.token_count_max) {
    out.ids.resize(options.token_count_max);
    out.offsets.resize(std::min(out.offsets.size(), options.token_count_max));
  }
}

Encoding Tokenizer::encode(std::string_view text, const EncodingOptions& options) const {
  TokenizerScratch scratch;
  Encoding out;
  encode(text, options, scratch, out);
  return out;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special_tokens) const {
  std::vector<std::string_view> tokens;
  for (const TokenId id : ids) {
    if (const std::string_view text = token(id); !text.empty() && !(skip_special_tokens && is_special(id))) {
      tokens.push_back(text);
    }
  }
  return tok::decode_tokens(impl_->parts, tokens);
}

std::size_t Tokenizer::vocabulary_size() const noexcept {
  return impl_->id_end;
}

std::string_view Tokenizer::token(TokenId id) const noexcept {
  const auto added = impl_->added_by_id.find(id);
  return added != impl_->added_by_id.end() ? std::string_view(impl_->parts.added_tokens[added->second].content)
                                           : impl_->parts.vocabulary.text(id);
}

TokenId Tokenizer::token_id(std::string_view token) const noexcept {
  if (const TokenId id = impl_->parts.vocabulary.find(token); id >= 0) {
    return id;
  }
  const auto added = impl_->added_ids.find(token);
  return added != impl_->added_ids.end() ? added->second : -1;
}

TokenId Tokenizer::unknown_id() const noexcept {
  if (const auto* wordpiece = std::get_if<tok::WordPiece>(&impl_->parts.model)) {
    return wordpiece->options().unknown_id;
  }
  if (const auto* bpe = std::get_if<tok::Bpe>(&impl_->parts.model)) {
    return bpe->options().unknown_id;
  }
  return std::get<tok::Unigram>(impl_->parts.model).unknown_id();
}

bool Tokenizer::is_special(TokenId id) const noexcept {
  const auto added = impl_->added_by_id.find(id);
  return added != impl_->added_by_id.end() && impl_->parts.added_tokens[added->second].special;
}

std::size_t Tokenizer::special_token_count() const noexcept {
  const tok::SpecialFrame& frame = impl_->parts.post_processor.frame;
  return frame.before.size() + frame.after.size();
}

TokenId Tokenizer::beginning_id() const noexcept {
  const std::vector<TokenId>& before = impl_->parts.post_processor.frame.before;
  return before.empty() ? tok::kNoToken : before.front();
}

TokenId Tokenizer::end_id() const noexcept {
  const std::vector<TokenId>& after = impl_->parts.post_processor.frame.after;
  return after.empty() ? tok::kNoToken : after.back();
}

TokenId Tokenizer::padding_id() const noexcept {
  return impl_->parts.padding_id;
}

std::size_t Tokenizer::token_count_max_in_file() const noexcept {
  return impl_->parts.token_count_max;
}

std::string Tokenizer::description() const {
  const bool is_wordpiece = std::holds_alternative<tok::WordPiece>(impl_->parts.model);
  const bool is_bpe = std::holds_alternative<tok::Bpe>(impl_->parts.model);
  const auto lowers = [](const tok::NormalizerStep& step) {
    const auto* bert = std::get_if<tok::BertNormalizerOptions>(&step);
    return std::holds_alternative<tok::LowercaseStep>(step) ||
           (bert != nullptr && (bert->lowercase || bert->lowercase_first));
  };
  return fmt::format("{}, {} tokens, {}",
                     is_wordpiece ? "WordPiece"
                     : is_bpe     ? "BPE"
                                  : "Unigram",
                     vocabulary_size(), std::ranges::any_of(impl_->parts.normalizer, lowers) ? "lowercase" : "cased");
}

}  // namespace asterism
