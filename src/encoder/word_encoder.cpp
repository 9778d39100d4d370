#include "encoder/word_encoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.hpp"
#include "encoder/finite.hpp"
#include "encoder/model_layout.hpp"
#include "encoder/prompt.hpp"
#include "encoder/text_loop.hpp"
#include "encoder/text_tokens.hpp"
#include "kernels/static_pool.hpp"
#include "tokenizer/unicode.hpp"
#include "weights/npy.hpp"
#include "weights/parquet_strings.hpp"
#include "weights/word_vectors.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTextsPerChunk = 128;
constexpr float kNormEpsilon = 1e-12F;  // lower bound of the norm, as torch.nn.functional.normalize has it
constexpr std::string_view kVectorsEnding = "_emb.npy";
constexpr std::string_view kWordsEnding = "_index.parquet";

// The end of the run from `begin` of characters for which `same` holds.
template <typename Same>
std::size_t run_end(std::string_view text, std::size_t begin, Same same) {
  while (begin < text.size()) {
    const DecodedChar c = decode_utf8(text, begin);
    if (!same(c.code_point)) {
      break;
    }
    begin += c.size_bytes;
  }
  return begin;
}

bool is_space(char32_t c) {
  return unicode::has_flag(c, unicode::kWhitespace);
}

bool is_punctuation(char32_t c) {
  return unicode::has_flag(c, unicode::kPunctuation);
}

// take(number of the word or nothing, begin, end) for each word of `text`; unknown punctuation is nothing at all.
template <typename Take>
void each_word(const WordTable& words, std::string_view text, Take take) {
  for (std::size_t begin = run_end(text, 0, is_space); begin < text.size();) {
    const std::size_t end = run_end(text, begin, [](char32_t c) { return !is_space(c); });
    if (const auto whole = words.find_any_case(text.substr(begin, end - begin))) {
      take(whole, begin, end);
      begin = run_end(text, end, is_space);
      continue;
    }
    while (begin < end) {
      const DecodedChar first = decode_utf8(text, begin);
      const bool punctuation = is_punctuation(first.code_point);
      const std::size_t part_end =
          punctuation ? begin + first.size_bytes
                      : run_end(text.substr(0, end), begin, [](char32_t c) { return !is_punctuation(c); });
      const auto part = words.find_any_case(text.substr(begin, part_end - begin));
      if (part || !punctuation) {
        take(part, begin, part_end);
      }
      begin = part_end;
    }
    begin = run_end(text, end, is_space);
  }
}

struct WordSettings {
  std::string prompt;
  std::size_t word_count_max = 0;  // 0 = no limit
  bool normalize = false;
  std::size_t dim = 0;  // the first so many columns
};

class WordEncoder final : public Encoder::Impl {
 public:
  WordEncoder(WordTable words, WordSettings settings, std::size_t thread_count, EncoderInfo info)
      : words_(std::move(words)), settings_(std::move(settings)), loop_(thread_count, kTextsPerChunk) {
    info_ = std::move(info);
  }

  const WordTable* words() const noexcept override { return &words_; }

  Result<Embeddings> encode(std::span<const std::string_view> texts) const override {
    Embeddings out;
    out.row_count = texts.size();
    out.dim = settings_.dim;
    out.reports.resize(texts.size());
    out.values.resize(texts.size() * settings_.dim);
    for_each_text(texts.size(), [&](std::size_t i, std::vector<std::uint32_t>& ids) {
      out.reports[i] = find_words(settings_.prompt, texts[i], false, ids);
      write_row(ids, std::span(out.values).subspan(i * settings_.dim, settings_.dim));
    });
    return out;
  }

  Result<Embeddings> encode_tokens(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (auto checked = check_tokens(texts, {.vocabulary_size = words_.size()}); !checked) {
      return std::unexpected(checked.error());
    }
    Embeddings out = embeddings_for_tokens(texts, settings_.dim);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      write_row(texts[i], std::span(out.values).subspan(i * settings_.dim, settings_.dim));
    }
    return out;
  }

  Result<TokenEmbeddings> encode_each_token(std::span<const std::vector<std::uint32_t>> texts) const override {
    if (auto checked = check_tokens(texts, {.vocabulary_size = words_.size()}); !checked) {
      return std::unexpected(checked.error());
    }
    TokenEmbeddings out{.dim = settings_.dim, .token_counts = {}, .values = {}};
    for (const auto& ids : texts) {
      out.token_counts.push_back(ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        out.values.resize(out.values.size() + settings_.dim);
        write_row(std::span(ids).subspan(i, 1), std::span(out.values).last(settings_.dim));
      }
    }
    return out;
  }

  Result<std::vector<TokenizedText>> tokenize(std::span<const std::string_view> texts,
                                              const TokenizeOptions& options) const override {
    auto call = settings_of_call({.prompt = settings_.prompt}, options, info_, false);
    if (!call) {
      return std::unexpected(call.error());
    }
    std::vector<TokenizedText> out(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      out[i].token_count_given = find_words(call->prompt, texts[i], call->truncate_left, out[i].ids).token_count_given;
    }
    return out;
  }

  Result<std::string> decode(std::span<const std::uint32_t> ids, bool /*skip_special_tokens*/) const override {
    const std::vector<std::uint32_t> text(ids.begin(), ids.end());
    if (auto checked = check_tokens(std::span(&text, 1), {.vocabulary_size = words_.size()}); !checked) {
      return std::unexpected(checked.error());
    }
    std::string out;
    for (const std::uint32_t id : ids) {
      out += out.empty() ? "" : " ";
      out += words_.word(id);
    }
    return out;
  }

  Result<std::vector<TokenPiece>> token_pieces(std::string_view text, bool /*add_special_tokens*/) const override {
    std::vector<TokenPiece> pieces;
    each_word(words_, text, [&](std::optional<std::size_t> word, std::size_t begin, std::size_t end) {
      if (word) {
        pieces.push_back({.id = static_cast<std::uint32_t>(*word),
                          .text = std::string(words_.word(*word)),
                          .begin = static_cast<std::uint32_t>(begin),
                          .end = static_cast<std::uint32_t>(end)});
      }
    });
    return pieces;
  }

 private:
  // On this encoder's threads where there is enough to share.
  void for_each_text(std::size_t count,
                     const std::function<void(std::size_t, std::vector<std::uint32_t>&)>& body) const {
    const auto run_range = [&](std::size_t begin, std::size_t end) {
      std::vector<std::uint32_t> ids;
      for (std::size_t i = begin; i < end; ++i) {
        body(i, ids);
      }
    };
    loop_.run(count, run_range);
  }

  // Into `ids`: the known words, as many as the limit allows.
  RowReport find_words(std::string_view prompt, std::string_view text, bool truncate_left,
                       std::vector<std::uint32_t>& ids) const {
    ids.clear();
    RowReport report;
    const auto take = [&](std::optional<std::size_t> word, std::size_t, std::size_t) {
      if (word) {
        ids.push_back(static_cast<std::uint32_t>(*word));
      } else {
        ++report.unknown_word_count;
      }
    };
    text = text.substr(0, kTextSizeBytesMax);
    if (prompt.empty()) {
      each_word(words_, text, take);
    } else {
      each_word(words_, std::string(prompt) + std::string(text), take);
    }
    report.token_count_given = static_cast<std::uint32_t>(ids.size());
    if (settings_.word_count_max != 0 && ids.size() > settings_.word_count_max) {
      if (truncate_left) {
        ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(settings_.word_count_max));
      } else {
        ids.resize(settings_.word_count_max);
      }
    }
    report.token_count_used = static_cast<std::uint32_t>(ids.size());
    return report;
  }

  void write_row(std::span<const std::uint32_t> ids, std::span<float> row) const {
    std::ranges::fill(row, 0.0F);
    if (ids.empty()) {
      return;
    }
    const StaticTableView view{.dtype = DType::kF32,
                               .data = std::as_bytes(words_.values()).data(),
                               .row_count = words_.size(),
                               .dim = words_.dim()};
    static_row_sum(view, ids, {}, row);
    const auto count = static_cast<float>(ids.size());
    float square_sum = 0.0F;
    for (float& value : row) {
      value /= count;
      square_sum += value * value;
    }
    if (settings_.normalize) {
      const float norm = std::max(std::sqrt(square_sum), kNormEpsilon);
      for (float& value : row) {
        value /= norm;
      }
    }
  }

  WordTable words_;
  WordSettings settings_;
  TextLoop loop_;
};

// The one file of a folder whose name ends so; nothing where there is none or several.
std::optional<fs::path> only_file(const fs::path& folder, std::string_view ending) {
  std::optional<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().filename().string().ends_with(ending)) {
      if (found) {
        return std::nullopt;
      }
      found = it->path();
    }
  }
  return found;
}

Result<WordTable> read_folder(const fs::path& folder) {
  const auto vectors_path = only_file(folder, kVectorsEnding);
  const auto words_path = only_file(folder, kWordsEnding);
  if (!vectors_path || !words_path) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: expected one *{} and one *{}, found another number of them",
                                                  folder.string(), kVectorsEnding, kWordsEnding));
  }
  const auto vectors = read_npy(*vectors_path);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  auto words = read_parquet_strings(*words_path);
  if (!words) {
    return std::unexpected(words.error());
  }
  const bool fits = vectors->dtype() == DType::kF32 && vectors->shape().size() == 2 && vectors->shape()[1] > 0 &&
                    static_cast<std::size_t>(vectors->shape()[0]) == words->ends.size() && !words->ends.empty();
  if (!fits) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: expected float32 [{}, dim], a row a word of {}, found {} {}", vectors_path->string(),
                            words->ends.size(), words_path->filename().string(), dtype_name(vectors->dtype()),
                            shape_to_string(vectors->shape())),
                "the model is damaged: fetch it again");
  }
  if (!all_finite(*vectors)) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected numbers, found NaN or infinity", vectors_path->string()),
                "the model is damaged: fetch it again");
  }
  auto values = std::make_unique_for_overwrite<float[]>(vectors->element_count());
  std::memcpy(values.get(), vectors->bytes().data(), vectors->bytes().size());
  return WordTable({.dim = static_cast<std::size_t>(vectors->shape()[1]),
                    .bytes = std::move(words->bytes),
                    .ends = std::move(words->ends),
                    .values = std::move(values)});
}

Result<WordTable> read_file_table(const fs::path& path, ThreadPool& pool) {
  auto vectors = read_word_vectors(path, pool);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  return WordTable({.dim = vectors->dim,
                    .bytes = std::move(vectors->bytes),
                    .ends = std::move(vectors->ends),
                    .values = std::move(vectors->values)});
}

Result<void> check_options(const EncoderOptions& options, std::size_t dim_max) {
  if (!options.layers.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("layer \"{}\": expected none: a model of word vectors has no layers", options.layers.front()));
  }
  if (!options.pooling.empty() && options.pooling != "mean" && options.pooling != kNoPooling) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("pooling: expected mean, all that word vectors have, found \"{}\"", options.pooling));
  }
  if (options.dim > dim_max) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("dim: expected at most {}, the length of the model's vectors, found {}", dim_max, options.dim));
  }
  return {};
}

EncoderInfo describe(const fs::path& path, const WordTable& words, const WordSettings& settings) {
  EncoderInfo info;
  info.takes_texts = true;
  info.family = "word_vectors";
  info.folder = path.string();
  info.dim = settings.dim;
  info.token_count_max = settings.word_count_max;
  info.tokenizer = fmt::format("words, {} of them; {}", words.size(),
                               words.lower_case() ? "all in lower case, as texts are then looked up"
                                                  : "texts are looked up as written, else in lower case");
  info.vocabulary_size = words.size();
  info.pooling = "mean";
  info.normalized = settings.normalize;
  info.precision = "f32";
  info.modules.push_back(fmt::format("WordVectors({} x {})", words.size(), words.dim()));
  if (settings.dim != words.dim()) {
    info.modules.push_back(fmt::format("Slice({} -> {})", words.dim(), settings.dim));
  }
  if (settings.normalize) {
    info.modules.emplace_back("Normalize");
  }
  if (words.repeated_count() > 0) {
    info.warnings.push_back(
        fmt::format("{}: {} words are there again: the first of each counts", path.string(), words.repeated_count()));
  }
  if (words.invalid_count() > 0) {
    info.warnings.push_back(fmt::format("{}: {} words are no UTF-8: left out", path.string(), words.invalid_count()));
  }
  return info;
}

}  // namespace

bool is_word_model(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    return only_file(path, kVectorsEnding) && only_file(path, kWordsEnding);
  }
  return word_vector_format(path).has_value();
}

Result<WordTable> read_word_table(const fs::path& path, ThreadPool& pool) {
  std::error_code ignored;
  auto words = fs::is_directory(path, ignored) ? read_folder(path) : read_file_table(path, pool);
  if (words && words->size() == 0) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: expected words in UTF-8, found none among {}", path.string(), words->invalid_count()));
  }
  return words;
}

Result<std::unique_ptr<Encoder::Impl>> make_word_encoder(const fs::path& path, const EncoderOptions& options) {
  const std::size_t thread_count = options.thread_count != 0 ? options.thread_count : available_processor_count();
  ThreadPool pool(thread_count);
  auto words = read_word_table(path, pool);
  if (!words) {
    return std::unexpected(words.error());
  }
  if (auto checked = check_options(options, words->dim()); !checked) {
    return std::unexpected(checked.error());
  }
  ModelLayout no_prompts;
  no_prompts.folder = path;
  auto prompt = choose_prompt(no_prompts, options, false);
  if (!prompt) {
    return std::unexpected(prompt.error());
  }
  WordSettings settings{.prompt = *std::move(prompt),
                        .word_count_max = options.token_count_max,
                        .normalize = options.normalize.value_or(false),
                        .dim = options.dim != 0 ? options.dim : words->dim()};
  EncoderInfo info = describe(path, *words, settings);
  if (options.precision == Precision::kBF16) {
    info.warnings.emplace_back("bf16 asked for, but word vectors have no layers to run in it: computed in f32");
  }
  return std::make_unique<WordEncoder>(*std::move(words), std::move(settings), thread_count, std::move(info));
}

}  // namespace asterism
