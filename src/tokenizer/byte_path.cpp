#include "tokenizer/byte_path.hpp"

#include <algorithm>
#include <cstring>

#include "base/utf8.hpp"
#include "tokenizer/unicode.hpp"

namespace asterism::tok {
namespace {

// No character below composes with the one before or decomposes for good.
constexpr char32_t kFirstMark = 0x300;

bool is_ascii_block(const char* data) noexcept {
  std::uint64_t block = 0;
  std::memcpy(&block, data, sizeof block);
  return (block & 0x8080808080808080ULL) == 0;
}

bool drops_white_space(const PatternSplitStep& step) {
  const bool is_clip = step.pattern == WordPattern::kClip || step.pattern == WordPattern::kClipMarked;
  return is_clip && step.behavior == SplitBehavior::kRemoved && step.at == SplitAt::kGaps;
}

}  // namespace

std::optional<BytePath> BytePath::make(const Bpe& model, const std::vector<NormalizerStep>& normalizer,
                                       const std::vector<PreTokenizerStep>& pre_tokenizer) {
  const auto* bytes = pre_tokenizer.empty() ? nullptr : std::get_if<ByteLevelStep>(&pre_tokenizer.back());
  if (bytes == nullptr || pre_tokenizer.size() > 2 || !model.covers_bytes()) {
    return std::nullopt;
  }
  BytePath path;
  path.add_prefix_space_ = bytes->add_prefix_space;
  if (pre_tokenizer.size() == 2) {
    const auto* split = std::get_if<PatternSplitStep>(&pre_tokenizer.front());
    if (split == nullptr || bytes->add_prefix_space) {
      return std::nullopt;
    }
    path.pattern_ = split->pattern;
    path.drops_gaps_ = drops_white_space(*split);
    const bool keeps_all = split->behavior == SplitBehavior::kIsolated;
    // GPT-2's pattern leaves CLIP's words whole, but for the markers.
    if (!(path.drops_gaps_ || (keeps_all && !bytes->splits))) {
      return std::nullopt;
    }
    path.splits_again_ = bytes->splits;
  } else if (!bytes->splits) {
    return std::nullopt;
  }
  const auto fits = [&](const NormalizerStep& step) { return path.add_normalizer(step); };
  return std::ranges::all_of(normalizer, fits) ? std::optional(std::move(path)) : std::nullopt;
}

bool BytePath::add_normalizer(const NormalizerStep& step) {
  if (const auto* form = std::get_if<NormalFormStep>(&step)) {
    const bool is_nfc = form->composed && form->kind == unicode::DecompositionKind::kCanonical;
    needs_ = std::max(needs_, is_nfc ? TextClass::kComposed : TextClass::kAscii);
    for (const unicode::Composition& pair : unicode::kCompositions) {
      joining_.push_back(pair.second);
    }
    std::ranges::sort(joining_);
    joining_.erase(std::ranges::unique(joining_).begin(), joining_.end());
    return true;
  }
  if (std::holds_alternative<LowercaseStep>(step)) {
    lowers_ = true;
    needs_ = TextClass::kAscii;
    return true;
  }
  const auto* run = std::get_if<ReplaceRunStep>(&step);
  return run != nullptr && run->whitespace && run->content == " " && drops_gaps_;
}

// Whether NFC leaves the character alone whatever stands before it.
bool BytePath::is_composed(char32_t c) const noexcept {
  constexpr char32_t kVowelsAndTailsBegin = 0x1160;  // of Hangul
  constexpr char32_t kVowelsAndTailsEnd = 0x1200;
  if (c < kFirstMark) {
    return true;
  }
  const unicode::CharRecord& record = unicode::char_record(c);
  return record.combining_class == 0 && (record.flags & unicode::kCanonical) == 0 &&
         !(c >= kVowelsAndTailsBegin && c < kVowelsAndTailsEnd) && !std::ranges::binary_search(joining_, c);
}

bool BytePath::takes(std::string_view text) const noexcept {
  for (std::size_t i = 0; i < text.size();) {
    if (i + sizeof(std::uint64_t) <= text.size() && is_ascii_block(text.data() + i)) {
      i += sizeof(std::uint64_t);
      continue;
    }
    const DecodedChar c = decode_utf8(text, i);
    if (!c.well_formed || (c.code_point >= 0x80 && needs_ == TextClass::kAscii) ||
        (needs_ == TextClass::kComposed && !is_composed(c.code_point))) {
      return false;
    }
    i += c.size_bytes;
  }
  return true;
}

// One call: the text to cut, which may have a space in front, and where the tokens go.
class BytePath::Run {
 public:
  Run(const BytePath& path, const Vocabulary& vocabulary, const Bpe& model, const Request& request, ByteState& state,
      Encoding& out)
      : path_(path), vocabulary_(vocabulary), model_(model), request_(request), state_(state), out_(out) {
    text_ = request.text.substr(request.begin, request.end - request.begin);
    prefixed_ = path.add_prefix_space_ && text_.front() != ' ';
    if (!prefixed_ && !path.lowers_) {
      return;
    }
    state.buffer.assign(prefixed_ ? 1 : 0, ' ');
    state.buffer += text_;
    if (path.lowers_) {
      const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
      std::ranges::transform(state.buffer, state.buffer.begin(), lower);
    }
    text_ = state.buffer;
  }

  void run() {
    each_match(path_.pattern_, text_, [&](std::size_t begin, std::size_t end, bool matches) {
      if (!matches && path_.drops_gaps_) {
        return;
      }
      if (path_.splits_again_ && text_[begin] == '<') {
        each_match(WordPattern::kGpt2, text_.substr(begin, end - begin),
                   [&](std::size_t from, std::size_t to, bool) { word(begin + from, begin + to); });
      } else {
        word(begin, end);
      }
    });
  }

 private:
  void word(std::size_t begin, std::size_t end) {
    const std::string_view bytes = text_.substr(begin, end - begin);
    if (bytes.size() > WordCache::kWordSizeBytesMax) {
      state_.pieces.clear();
      model_.encode_bytes(vocabulary_, bytes, state_.bpe, state_.pieces);
      push_pieces(begin);
      return;
    }
    const WordCache::Key key = WordCache::Key::of(bytes);
    if (const WordCache::Entry* entry = state_.cache.find(key)) {
      entry->each_piece([&](TokenId id, std::uint32_t from, std::uint32_t to) { push(id, begin + from, begin + to); });
      return;
    }
    state_.pieces.clear();
    model_.encode_bytes(vocabulary_, bytes, state_.bpe, state_.pieces);
    state_.cache.put(key, state_.pieces);
    push_pieces(begin);
  }

  void push_pieces(std::size_t shift) {
    for (const Piece& piece : state_.pieces) {
      push(piece.id, shift + piece.begin, shift + piece.end);
    }
  }

  void push(TokenId id, std::size_t begin, std::size_t end) {
    if (request_.with_offsets) {
      TokenOffset offset = place(begin, end);
      if (request_.trim) {
        const TokenPlace where = out_.ids.size() == request_.first_token ? TokenPlace::kFirst : TokenPlace::kLater;
        offset = trim_offset(*request_.trim, vocabulary_.text(id), where, request_.text, offset);
      }
      out_.offsets.push_back(offset);
    }
    out_.ids.push_back(id);
  }

  // Whole characters of the input; the space put in front counts as its first character.
  TokenOffset place(std::size_t begin, std::size_t end) const {
    const std::string_view input = request_.text;
    if (prefixed_) {
      begin = begin == 0 ? 0 : begin - 1;
      end = std::max<std::size_t>(end - 1, 1);
    }
    begin += request_.begin;
    end += request_.begin;
    while (is_continuation_byte(input[begin])) {
      --begin;
    }
    while (end < request_.end && is_continuation_byte(input[end])) {
      ++end;
    }
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }

  const BytePath& path_;
  const Vocabulary& vocabulary_;
  const Bpe& model_;
  const Request& request_;
  ByteState& state_;
  Encoding& out_;
  std::string_view text_;
  bool prefixed_ = false;
};

void BytePath::encode(const Vocabulary& vocabulary, const Bpe& model, const Request& request, ByteState& state,
                      Encoding& out) const {
  Run(*this, vocabulary, model, request, state, out).run();
}

}  // namespace asterism::tok
