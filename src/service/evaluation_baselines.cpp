#include "service/evaluation_baselines.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "analysis/estimators.hpp"
#include "analysis/tfidf.hpp"
#include "base/counter_random.hpp"
#include "service/text_words.hpp"

namespace asterism::service {
namespace {

constexpr std::uint64_t kLearntStream = 0;
constexpr std::uint64_t kAskedStream = 1;

// Raw data as vectors, of the rows that are learnt from and of those that are asked.
struct RawVectors {
  std::string name;
  std::size_t dim = 0;
  std::vector<float> learnt;
  std::vector<float> asked;
};

std::vector<std::vector<std::string>> words_of_all(std::span<const std::string> texts) {
  std::vector<std::vector<std::string>> out;
  for (const std::string& text : texts) {
    out.push_back(words_of(text));
  }
  return out;
}

// Nothing where no text has a word.
std::vector<RawVectors> tfidf_vectors(const EvaluationData& learnt, const EvaluationData* asked) {
  const auto words = words_of_all(learnt.texts);
  const auto tfidf = Tfidf::fit(words, kTfidfTermCountMax);
  if (!tfidf) {
    return {};
  }
  RawVectors raw{.name = "tfidf", .dim = tfidf->term_count(), .learnt = tfidf->transform(words), .asked = {}};
  if (asked != nullptr) {
    raw.asked = tfidf->transform(words_of_all(asked->texts));
  }
  return {std::move(raw)};
}

// A place for every value of every column that the learnt rows have; other values are zeros.
RawVectors one_hot_vectors(const EvaluationData& learnt, const EvaluationData* asked) {
  std::vector<std::map<std::string, std::size_t>> places(learnt.categories.size());
  RawVectors raw{.name = "one-hot", .dim = 0, .learnt = {}, .asked = {}};
  for (std::size_t c = 0; c < places.size(); ++c) {
    for (const std::string& value : learnt.categories[c]) {
      if (!value.empty() && places[c].emplace(value, raw.dim).second) {
        ++raw.dim;
      }
    }
  }
  const auto fill = [&](const EvaluationData& data, std::vector<float>& out) {
    out.resize(data.row_count() * raw.dim);
    for (std::size_t c = 0; c < places.size(); ++c) {
      for (std::size_t row = 0; row < data.row_count(); ++row) {
        if (const auto found = places[c].find(data.categories[c][row]); found != places[c].end()) {
          out[row * raw.dim + found->second] = 1.0F;
        }
      }
    }
  };
  fill(learnt, raw.learnt);
  if (asked != nullptr) {
    fill(*asked, raw.asked);
  }
  return raw;
}

std::vector<RawVectors> raw_vectors(const EvaluationData& learnt, const EvaluationData* asked) {
  if (!learnt.texts.empty()) {
    return tfidf_vectors(learnt, asked);
  }
  if (!learnt.pixels.empty()) {
    return {{.name = "pixels",
             .dim = learnt.pixels.size() / learnt.row_count(),
             .learnt = learnt.pixels,
             .asked = asked != nullptr ? asked->pixels : std::vector<float>{}}};
  }
  if (!learnt.categories.empty()) {
    RawVectors raw = one_hot_vectors(learnt, asked);
    return raw.dim > 0 ? std::vector<RawVectors>{std::move(raw)} : std::vector<RawVectors>{};
  }
  return {};
}

Result<RawVectors> reduced(const RawVectors& raw, std::size_t dim, std::uint64_t seed, const AnalysisRun& run) {
  const std::size_t row_count = raw.learnt.size() / raw.dim;
  Json options{{std::string(kComponentsOption), std::min({dim, raw.dim, row_count})}};
  const auto method = find_estimator_method("pca");
  if (method && std::ranges::any_of((*method)->options, [](const auto& o) { return o.name == kSeedOption; })) {
    options[std::string(kSeedOption)] = seed;
  }
  auto fitted = fit_estimator("pca", {.rows = {raw.learnt, row_count, raw.dim}, .options = std::move(options)}, run);
  if (!fitted) {
    return std::unexpected(fitted.error());
  }
  RawVectors out{.name = raw.name + "+pca",
                 .dim = fitted->estimator->component_count(),
                 .learnt = std::move(fitted->embedding),
                 .asked = {}};
  if (!raw.asked.empty()) {
    auto asked = fitted->estimator->transform({raw.asked, raw.asked.size() / raw.dim, raw.dim}, run);
    if (!asked) {
      return std::unexpected(asked.error());
    }
    out.asked = *std::move(asked);
  }
  return out;
}

void add(RawVectors raw, EvaluationData& learnt, EvaluationData* asked) {
  learnt.systems.push_back({.name = raw.name, .is_baseline = true, .dim = raw.dim, .values = std::move(raw.learnt)});
  if (asked != nullptr) {
    asked->systems.push_back({.name = raw.name, .is_baseline = true, .dim = raw.dim, .values = std::move(raw.asked)});
  }
}

}  // namespace

std::vector<float> random_vectors(std::size_t row_count, std::size_t dim, std::uint64_t seed, std::uint64_t stream) {
  const CounterRandom random(seed, stream);
  std::vector<float> out(row_count * dim);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(random.normal(i));
  }
  return out;
}

Result<void> add_baselines(EvaluationData& learnt, EvaluationData* asked, std::size_t dim, std::uint64_t seed,
                           const AnalysisRun& run) {
  for (RawVectors& raw : raw_vectors(learnt, asked)) {
    if (raw.dim > dim && learnt.row_count() > 1) {
      auto less = reduced(raw, dim, seed, run);
      if (!less) {
        return std::unexpected(less.error());
      }
      add(std::move(raw), learnt, asked);
      add(*std::move(less), learnt, asked);
    } else {
      add(std::move(raw), learnt, asked);
    }
  }
  RawVectors random{.name = "random",
                    .dim = dim,
                    .learnt = random_vectors(learnt.row_count(), dim, seed, kLearntStream),
                    .asked = {}};
  if (asked != nullptr) {
    random.asked = random_vectors(asked->row_count(), dim, seed, kAskedStream);
  }
  add(std::move(random), learnt, asked);
  return {};
}

}  // namespace asterism::service
