// Ids and offsets against recordings of the `tokenizers` package (tools/goldens/tokenizer_record.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "golden_strings.hpp"
#include "tokenizer/tokenizer.hpp"

namespace asterism {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(ASTERISM_SOURCE_DIR) / "tests/golden/tokenizer";
constexpr std::uint64_t kBlockSize = 100;
constexpr std::uint64_t kSweepBlockSize = 1024;
constexpr std::uint64_t kSweepWidth = 16;

Json read(const std::string& name) {
  auto document = read_json_file(kFolder / name);
  EXPECT_TRUE(document) << document.error().to_string();
  return document ? *document : Json{};
}

// Every model of the goldens, variants made from their base.
std::map<std::string, Json> read_models() {
  std::map<std::string, Json> models;
  for (const std::string name : {"uncased", "cased", "unigram", "roberta", "clip", "fallback", "words", "affixes"}) {
    models[name] = read(name + ".json");
  }
  for (const std::string file : {"variants.json", "bpe_variants.json"}) {
    for (const Json& variant : read(file)) {
      Json document = models.at(variant.at("base").get<std::string>());
      for (const auto& [key, value] : variant.at("parts").items()) {
        if (key == "model") {
          document["model"].update(value);
        } else {
          document[key] = value;
        }
      }
      models[variant.at("name").get<std::string>()] = document;
    }
  }
  return models;
}

bool is_bpe(const Json& model) {
  return model.at("model").at("type") == "BPE";
}

// BPE models are tried on more kinds of strings.
GoldenStrings strings_for(const Json& model) {
  Json alphabet = read("alphabet.json");
  if (is_bpe(model)) {
    const Json more = read("bpe_alphabet.json");
    alphabet.insert(alphabet.end(), more.begin(), more.end());
  }
  return GoldenStrings(alphabet);
}

std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
  return (state ^ value) * 0x100000001B3ULL;
}

struct BlockHash {
  std::uint64_t ids = 0xCBF29CE484222325ULL;
  std::uint64_t offsets = 0xCBF29CE484222325ULL;

  void add(const Encoding& encoding) {
    ids = mix(ids, encoding.ids.size());
    offsets = mix(offsets, encoding.ids.size());
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      ids = mix(ids, static_cast<std::uint64_t>(encoding.ids[i]));
      offsets = mix(mix(offsets, encoding.offsets[i].begin), encoding.offsets[i].end);
    }
  }
};

struct Recording {
  // "model": generated strings; "sweep": every code point; "words": every code point where word patterns look.
  std::string kind;
  std::string model;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> blocks;  // ids, offsets
};

std::vector<Recording> read_hashes() {
  std::ifstream file(kFolder / "hashes.txt");
  std::vector<Recording> recordings;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    if (line.starts_with("model ") || line.starts_with("sweep ") || line.starts_with("words ")) {
      recordings.emplace_back();
      words >> recordings.back().kind >> recordings.back().model;
    } else {
      std::uint64_t ids = 0;
      std::uint64_t offsets = 0;
      words >> std::hex >> ids >> offsets;
      recordings.back().blocks.emplace_back(ids, offsets);
    }
  }
  return recordings;
}

std::string joined(const Encoding& encoding) {
  std::ostringstream out;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    out << encoding.ids[i] << '[' << encoding.offsets[i].begin << ',' << encoding.offsets[i].end << ") ";
  }
  return out.str();
}

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return out;
}

// Sixteen code points in order, each between letters.
std::string sweep_string(std::uint64_t index) {
  std::string out;
  for (std::uint64_t c = index * kSweepWidth; c < (index + 1) * kSweepWidth; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) {
      continue;
    }
    out += out.empty() ? "a" : " a";
    append_utf8(static_cast<char32_t>(c), out);
    out += "e\u0301";
  }
  return out;
}

// The same code points behind an apostrophe, a space, a line break and a digit, and doubled.
std::string word_sweep_string(std::uint64_t index) {
  std::string out;
  for (std::uint64_t code = index * kSweepWidth; code < (index + 1) * kSweepWidth; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) {
      continue;
    }
    std::string c;
    append_utf8(static_cast<char32_t>(code), c);
    for (const std::string_view before : {"'", " 'l", "e a", "  ", "7", "\n"}) {
      out.append(before).append(c);
    }
    out += 'b';
  }
  return out;
}

// The first block that differs from the recording; nothing when all agree.
template <typename MakeString>
std::optional<std::uint64_t> first_wrong_block(const Tokenizer& tokenizer, const Recording& recording,
                                               std::uint64_t block_size, MakeString&& make) {
  TokenizerScratch scratch;
  Encoding encoding;
  for (std::uint64_t block = 0; block < recording.blocks.size(); ++block) {
    BlockHash hash;
    for (std::uint64_t i = 0; i < block_size; ++i) {
      tokenizer.encode(make(block * block_size + i), {.with_offsets = true}, scratch, encoding);
      hash.add(encoding);
    }
    if (hash.ids != recording.blocks[block].first || hash.offsets != recording.blocks[block].second) {
      return block;
    }
  }
  return std::nullopt;
}

}  // namespace

TEST(TokenizerGolden, sampled_strings_have_the_recorded_ids_and_offsets) {
  const auto models = read_models();
  std::map<std::string, Tokenizer> tokenizers;
  std::ifstream file(kFolder / "samples.jsonl");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const Json sample = Json::parse(line);
    const auto name = sample.at("model").get<std::string>();
    if (!tokenizers.contains(name)) {
      auto tokenizer = Tokenizer::from_json_text(models.at(name).dump(), name);
      ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
      tokenizers.emplace(name, std::move(*tokenizer));
    }
    const auto text = sample.at("text").get<std::string>();
    const Encoding found = tokenizers.at(name).encode(unhex(text), {.with_offsets = true});
    Encoding expected{.ids = sample.at("ids").get<std::vector<TokenId>>(), .offsets = {}};
    const auto places = sample.at("offsets").get<std::vector<std::uint32_t>>();
    for (std::size_t i = 0; i < places.size(); i += 2) {
      expected.offsets.push_back({places[i], places[i + 1]});
    }
    EXPECT_EQ(joined(found), joined(expected)) << name << ": text " << text;
  }
  EXPECT_EQ(count, 480U);
}

TEST(TokenizerGolden, generated_strings_have_the_recorded_hashes_for_every_model) {
  const auto models = read_models();
  std::size_t model_count = 0;
  std::size_t string_count = 0;
  std::size_t bpe_string_count = 0;
  for (const Recording& recording : read_hashes()) {
    if (recording.kind != "model") {
      continue;
    }
    auto tokenizer = Tokenizer::from_json_text(models.at(recording.model).dump(), recording.model);
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
    const GoldenStrings strings = strings_for(models.at(recording.model));
    const auto wrong =
        first_wrong_block(*tokenizer, recording, kBlockSize, [&](std::uint64_t seed) { return strings.make(seed); });
    EXPECT_FALSE(wrong) << recording.model << ": tools/goldens/tokenizer_fuzz.py --first " << *wrong * kBlockSize
                        << " --count 100 shows the difference";
    string_count += recording.blocks.size() * kBlockSize;
    bpe_string_count += is_bpe(models.at(recording.model)) ? recording.blocks.size() * kBlockSize : 0;
    ++model_count;
  }
  EXPECT_EQ(model_count, models.size());
  EXPECT_GE(string_count, 400'000U);
  EXPECT_GE(bpe_string_count, 150'000U);
}

TEST(TokenizerGolden, every_code_point_has_the_recorded_hashes) {
  const auto models = read_models();
  std::size_t model_count = 0;
  for (const Recording& recording : read_hashes()) {
    if (recording.kind != "sweep") {
      continue;
    }
    EXPECT_EQ(recording.blocks.size() * kSweepBlockSize * kSweepWidth, 0x110000U);
    auto tokenizer = Tokenizer::from_json_text(models.at(recording.model).dump(), recording.model);
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
    const auto wrong = first_wrong_block(*tokenizer, recording, kSweepBlockSize, sweep_string);
    EXPECT_FALSE(wrong) << recording.model << ": code points from " << *wrong * kSweepBlockSize * kSweepWidth;
    ++model_count;
  }
  EXPECT_EQ(model_count, 7U);
}

TEST(TokenizerGolden, every_code_point_where_word_patterns_look_has_the_recorded_hashes) {
  const auto models = read_models();
  std::size_t model_count = 0;
  for (const Recording& recording : read_hashes()) {
    if (recording.kind != "words") {
      continue;
    }
    EXPECT_EQ(recording.blocks.size() * kSweepBlockSize * kSweepWidth, 0x110000U);
    auto tokenizer = Tokenizer::from_json_text(models.at(recording.model).dump(), recording.model);
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
    const auto wrong = first_wrong_block(*tokenizer, recording, kSweepBlockSize, word_sweep_string);
    EXPECT_FALSE(wrong) << recording.model << ": code points from " << *wrong * kSweepBlockSize * kSweepWidth;
    ++model_count;
  }
  EXPECT_EQ(model_count, 5U);
}

TEST(TokenizerGolden, results_do_not_depend_on_offsets_scratch_or_what_came_before) {
  const auto models = read_models();
  for (const std::string name :
       {"uncased", "added_normalized", "unigram", "roberta", "clip", "prefix_space", "words"}) {
    const GoldenStrings strings = strings_for(models.at(name));
    auto tokenizer = Tokenizer::from_json_text(models.at(name).dump(), name);
    ASSERT_TRUE(tokenizer) << tokenizer.error().to_string();
    TokenizerScratch scratch;
    Encoding reused;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      const std::string text = strings.make(seed);
      const Encoding fresh = tokenizer->encode(text, {.with_offsets = true});
      tokenizer->encode(text, {}, scratch, reused);
      EXPECT_EQ(reused.ids, fresh.ids) << name << ": seed " << seed;
      EXPECT_TRUE(reused.offsets.empty());
      EXPECT_EQ(fresh.offsets.size(), fresh.ids.size());
    }
  }
}

TEST(TokenizerGolden, the_fast_way_through_bytes_equals_the_general_way) {
  const auto models = read_models();
  // A step that the fast way does not know and no string needs.
  const Json step = Json{{"type", "Replace"}, {"pattern", {{"String", "\uE000\uE001\uE000"}}}, {"content", ""}};
  for (const std::string name : {"roberta", "clip", "clip_marked", "prefix_space", "byte_added", "llama3", "qwen2"}) {
    Json slow_document = models.at(name);
    const Json& own = slow_document["normalizer"];
    slow_document["normalizer"] =
        Json{{"type", "Sequence"}, {"normalizers", own.is_null() ? Json{step} : Json{own, step}}};
    auto fast = Tokenizer::from_json_text(models.at(name).dump(), name);
    auto slow = Tokenizer::from_json_text(slow_document.dump(), name);
    ASSERT_TRUE(fast && slow) << name;
    const GoldenStrings strings = strings_for(models.at(name));
    for (std::uint64_t seed = 200'000; seed < 203'000; ++seed) {
      const std::string text = strings.make(seed);
      ASSERT_EQ(joined(fast->encode(text, {.with_offsets = true})), joined(slow->encode(text, {.with_offsets = true})))
          << name << ": seed " << seed;
    }
  }
}

TEST(TokenizerGolden, lower_case_switched_on_equals_a_lowercase_step_in_front) {
  Json document = read_models().at("cased");
  auto switched =
      Tokenizer::from_json_text(document.dump(), "cased", {.lowercase = TokenizerOverrides::Lowercase::kOn});
  document["normalizer"] =
      Json{{"type", "Sequence"}, {"normalizers", {Json{{"type", "Lowercase"}}, document["normalizer"]}}};
  auto stepped = Tokenizer::from_json_text(document.dump(), "stepped");
  ASSERT_TRUE(switched && stepped);
  const GoldenStrings strings(read("alphabet.json"));
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    const std::string text = strings.make(seed);
    ASSERT_EQ(joined(switched->encode(text, {.with_offsets = true})),
              joined(stepped->encode(text, {.with_offsets = true})))
        << seed;
  }
}

TEST(TokenizerGolden, one_scratch_may_serve_several_tokenizers) {
  const auto models = read_models();
  auto uncased = Tokenizer::from_json_text(models.at("uncased").dump(), "uncased");
  auto cased = Tokenizer::from_json_text(models.at("cased").dump(), "cased");
  ASSERT_TRUE(uncased && cased);
  TokenizerScratch scratch;
  Encoding out;
  for (int round = 0; round < 3; ++round) {
    for (const Tokenizer* tokenizer : {&*uncased, &*cased}) {
      tokenizer->encode("Hello world, the McDonald", {}, scratch, out);
      EXPECT_EQ(out.ids, tokenizer->encode("Hello world, the McDonald").ids);
    }
  }
}

}  // namespace asterism
