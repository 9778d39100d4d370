#include "tokenizer/bert_path.hpp"

#include <array>
#include <cstring>

#include "base/utf8.hpp"
#include "tokenizer/ascii_word.hpp"

namespace asterism::tok {

void encode_word(const Vocabulary& vocabulary, const WordPiece& model, std::string_view word, WordState& state) {
  encode_cached(word, state.cache, state.pieces,
                [&](std::vector<Piece>& pieces) { model.encode(vocabulary, word, pieces); });
}

BertPath::BertPath(const BertNormalizerOptions& options, const Vocabulary& vocabulary, const WordPiece& model)
    : options_(options), lowers_(options.lowercase || options.lowercase_first) {
  classes_.fill(ByteClass::kOther);
  std::vector<Piece> pieces;
  for (std::uint8_t byte = 0; byte < 128; ++byte) {
    const std::uint16_t flags = unicode::char_record(byte).flags;
    const bool dropped = options.clean_text && (flags & unicode::kDropped) != 0;
    lower_[byte] = lowers_ ? static_cast<char>(byte + unicode::char_record(byte).lower_delta) : static_cast<char>(byte);
    if (dropped) {
      continue;
    }
    if ((flags & unicode::kWhitespace) != 0) {
      classes_[byte] = ByteClass::kSpace;
    } else if ((flags & unicode::kPunctuation) != 0) {
      classes_[byte] = ByteClass::kPunctuation;
      pieces.clear();
      const char text = static_cast<char>(byte);
      model.encode(vocabulary, {&text, 1}, pieces);
      punctuation_ids_[byte] = pieces.front().id;
    } else {
      classes_[byte] = ByteClass::kWord;
    }
  }
}

// One call: where the pieces go.
template <bool WithOffsets>
class BertPath::Run {
 public:
  Run(const BertPath& path, const Vocabulary& vocabulary, const WordPiece& model, std::string_view text,
      WordState& state, Encoding& out)
      : path_(path), vocabulary_(vocabulary), model_(model), text_(text), state_(state), out_(out) {}

  void run(std::uint32_t begin) {
    for (std::uint32_t i = begin; i < text_.size();) {
      switch (path_.class_of(text_[i])) {
        case ByteClass::kSpace:
          ++i;
          break;
        case ByteClass::kPunctuation:
          push(path_.punctuation_ids_[static_cast<std::uint8_t>(text_[i])], i, i + 1);
          ++i;
          break;
        case ByteClass::kWord:
          i = plain_word(i);
          break;
        case ByteClass::kOther:
          i = mixed_word(i);
          break;
      }
    }
  }

 private:
  void push(TokenId id, std::uint32_t begin, std::uint32_t end) {
    out_.ids.push_back(id);
    if constexpr (WithOffsets) {
      out_.offsets.push_back({begin, end});
    }
  }

  // A word that starts with an ASCII letter or digit.
  std::uint32_t plain_word(std::uint32_t begin) {
    WordCache::Key key;
    std::uint32_t end = begin;
    for (std::uint64_t& part : key.parts) {
      const AsciiBlock block = read_ascii_block(text_.data() + end, text_.size() - end, path_.lowers_);
      part = block.bytes;
      end += static_cast<std::uint32_t>(block.word_size_bytes);
      if (block.word_size_bytes < kBlockSizeBytes) {
        break;
      }
    }
    if (end < text_.size()) {
      const ByteClass next = path_.class_of(text_[end]);
      if (next == ByteClass::kWord || next == ByteClass::kOther) {
        return mixed_word(begin);
      }
    }
    key.size_bytes = static_cast<std::uint8_t>(end - begin);
    if (const WordCache::Entry* entry = state_.cache.find(key)) {
      entry->each_piece([&](TokenId id, std::uint32_t from, std::uint32_t to) { push(id, begin + from, begin + to); });
      return end;
    }
    std::array<char, WordCache::kWordSizeBytesMax> word;
    std::memcpy(word.data(), key.parts.data(), word.size());
    state_.pieces.clear();
    model_.encode(vocabulary_, {word.data(), key.size_bytes}, state_.pieces);
    state_.cache.put(key, state_.pieces);
    push_pieces(begin);
    return end;
  }

  void push_pieces(std::uint32_t shift) {
    for (const Piece& piece : state_.pieces) {
      push(piece.id, shift + piece.begin, shift + piece.end);
    }
  }

  // From `begin` through BertStream, until a word is over and the next byte is plain. Plain characters are bases
  // without decomposition, so they close the stream's open run of marks and may then go past it.
  std::uint32_t mixed_word(std::uint32_t begin) {
    const auto sink = [this](char32_t c, TokenOffset span) { take(c, span); };
    std::uint32_t i = begin;
    bool in_stream = false;
    while (i < text_.size()) {
      const ByteClass byte_class = path_.class_of(text_[i]);
      if (byte_class == ByteClass::kOther) {
        const DecodedChar c = decode_utf8(text_, i);
        state_.stream->feed(c.code_point, {i, i + c.size_bytes}, sink);
        in_stream = true;
        i += c.size_bytes;
        continue;
      }
      state_.stream->flush(sink);
      if (byte_class != ByteClass::kWord) {
        break;
      }
      if (in_stream && state_.word.empty()) {
        return i;
      }
      append(static_cast<char32_t>(path_.lower_of(text_[i])), {i, i + 1});
      ++i;
    }
    state_.stream->flush(sink);
    end_word();
    return i;
  }

  void take(char32_t c, TokenOffset span) {
    const std::uint16_t flags = unicode::char_record(c).flags;
    if ((flags & (unicode::kWhitespace | unicode::kPunctuation)) == 0) {
      append(c, span);
      return;
    }
    end_word();
    if ((flags & unicode::kPunctuation) != 0) {
      append(c, span);
      end_word();
    }
  }

  void append(char32_t c, TokenOffset span) {
    char encoded[4];
    const std::size_t length = encode_utf8(c, encoded);
    state_.word.append(encoded, length);
    if constexpr (WithOffsets) {
      state_.word_spans.insert(state_.word_spans.end(), length, span);
    }
  }

  void end_word() {
    if (state_.word.empty()) {
      return;
    }
    encode_word(vocabulary_, model_, state_.word, state_);
    for (const Piece& piece : state_.pieces) {
      if constexpr (WithOffsets) {
        push(piece.id, state_.word_spans[piece.begin].begin, state_.word_spans[piece.end - 1].end);
      } else {
        push(piece.id, 0, 0);
      }
    }
    state_.word.clear();
    state_.word_spans.clear();
  }

  const BertPath& path_;
  const Vocabulary& vocabulary_;
  const WordPiece& model_;
  std::string_view text_;
  WordState& state_;
  Encoding& out_;
};

void BertPath::encode(const Vocabulary& vocabulary, const WordPiece& model, std::string_view text, std::uint32_t begin,
                      std::uint32_t end, bool with_offsets, WordState& state, Encoding& out) const {
  state.word.clear();
  state.word_spans.clear();
  if (!state.stream) {
    state.stream.emplace(options_);
  }
  if (with_offsets) {
    Run<true>(*this, vocabulary, model, text.substr(0, end), state, out).run(begin);
  } else {
    Run<false>(*this, vocabulary, model, text.substr(0, end), state, out).run(begin);
  }
}

}  // namespace asterism::tok
