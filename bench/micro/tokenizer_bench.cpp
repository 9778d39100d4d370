// How fast texts become tokens: with the committed goldens' small vocabularies, so that the answer is known before it
// is timed.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

const std::filesystem::path kGoldenFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/tokenizer";

Tokenizer load(const char* name) {
  auto tokenizer = Tokenizer::from_json_file(kGoldenFolder / name);
  if (!tokenizer) {
    std::cerr << tokenizer.error().to_string() << '\n';
    std::abort();
  }
  return std::move(*tokenizer);
}

// Sentences as people write them; number k differs from its neighbours, so that no cache holds them all.
std::vector<std::string> make_texts(const char* kind) {
  const std::vector<std::string> english{
      "The quick brown fox jumped over the lazy dog before anyone at school could say a word. ",
      "They say it's a 50% chance, more or less; that's what people thought last year! ",
      "After years of work the small group found a large house near the river and went to live there. "};
  const std::vector<std::string> mixed{
      "Le caf\xC3\xA9 d\xC3\xA9j\xC3\xA0 vu \xE2\x80\x94 na\xC3\xAFve r\xC3\xA9sum\xC3\xA9. ",
      "\xD0\x9C\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0 \xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82, ",
      "\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD \xE3\x81\xB2\xE3\x82\x89\xE3\x81\x8C\xE3\x81\xAA \xF0\x9F\x98\x80 "};
  const auto& sentences = std::string_view(kind) == "english" ? english : mixed;
  std::vector<std::string> texts;
  for (std::size_t k = 0; k < 300; ++k) {
    std::string text = "Text " + std::to_string(k * 7919) + ": ";
    for (std::size_t i = 0; i < 1 + k % 5; ++i) {
      text += sentences[(k + i) % sentences.size()];
    }
    texts.push_back(text);
  }
  return texts;
}

// Tokens must cover the same places with and without a warm scratch, and cover text at all.
void check_answer(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  TokenizerScratch scratch;
  Encoding warm;
  for (const std::string& text : texts) {
    tokenizer.encode(text, {.with_offsets = true}, scratch, warm);
    const Encoding fresh = tokenizer.encode(text, {.with_offsets = true});
    if (warm.ids != fresh.ids || warm.offsets != fresh.offsets || warm.ids.size() < 4) {
      std::cerr << "wrong tokens for: " << text << '\n';
      std::abort();
    }
  }
}

void encode_texts(benchmark::State& state, const char* model, const char* kind, bool with_offsets) {
  const Tokenizer tokenizer = load(model);
  const std::vector<std::string> texts = make_texts(kind);
  check_answer(tokenizer, texts);
  std::size_t size_bytes = 0;
  for (const std::string& text : texts) {
    size_bytes += text.size();
  }
  TokenizerScratch scratch;
  Encoding out;
  std::uint64_t checksum = 0;
  for (auto _ : state) {
    checksum = 0;
    for (const std::string& text : texts) {
      tokenizer.encode(text, {.with_offsets = with_offsets}, scratch, out);
      checksum = checksum * 31 + out.ids.size() + static_cast<std::uint64_t>(out.ids[out.ids.size() / 2]);
    }
    benchmark::DoNotOptimize(checksum);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size_bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
  state.counters["checksum"] = static_cast<double>(checksum % 1'000'000);
}

void load_model(benchmark::State& state, const char* model) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(load(model).vocabulary_size());
  }
}

void encode_long_word(benchmark::State& state) {
  const Tokenizer tokenizer = load("uncased.json");
  const std::string text(static_cast<std::size_t>(state.range(0)), 'a');
  TokenizerScratch scratch;
  Encoding out;
  for (auto _ : state) {
    tokenizer.encode(text, {}, scratch, out);
    benchmark::DoNotOptimize(out.ids.data());
  }
  if (out.ids.size() != 3 || out.ids[1] != tokenizer.unknown_id()) {
    std::abort();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

// One word for BPE: pairs to merge everywhere.
void merge_long_word(benchmark::State& state) {
  const Tokenizer tokenizer = load("roberta.json");
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) {
    text += "theandingthere";
  }
  TokenizerScratch scratch;
  Encoding out;
  for (auto _ : state) {
    tokenizer.encode(text, {}, scratch, out);
    benchmark::DoNotOptimize(out.ids.data());
  }
  std::string joined;
  for (const TokenId id : out.ids) {
    joined += tokenizer.is_special(id) ? "" : tokenizer.token(id);
  }
  if (joined != text) {
    std::abort();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

BENCHMARK_CAPTURE(encode_texts, wordpiece_english, "uncased.json", "english", false);
BENCHMARK_CAPTURE(encode_texts, wordpiece_english_offsets, "uncased.json", "english", true);
BENCHMARK_CAPTURE(encode_texts, wordpiece_mixed_scripts, "uncased.json", "mixed", false);
BENCHMARK_CAPTURE(encode_texts, unigram_english, "unigram.json", "english", false);
BENCHMARK_CAPTURE(encode_texts, byte_bpe_english, "roberta.json", "english", false);
BENCHMARK_CAPTURE(encode_texts, byte_bpe_english_offsets, "roberta.json", "english", true);
BENCHMARK_CAPTURE(encode_texts, byte_bpe_mixed_scripts, "roberta.json", "mixed", false);
BENCHMARK_CAPTURE(encode_texts, clip_english, "clip.json", "english", false);
BENCHMARK_CAPTURE(encode_texts, clip_mixed_scripts, "clip.json", "mixed", false);
BENCHMARK_CAPTURE(encode_texts, fallback_bpe_english, "fallback.json", "english", false);
BENCHMARK_CAPTURE(load_model, wordpiece, "uncased.json");
BENCHMARK_CAPTURE(load_model, byte_bpe, "roberta.json");
BENCHMARK(encode_long_word)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(merge_long_word)->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace asterism
