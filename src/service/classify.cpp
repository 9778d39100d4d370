#include "service/classify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "asterism/neighbors.hpp"
#include "pipeline/encoder_rows.hpp"
#include "service/class_names.hpp"
#include "service/row_windows.hpp"

namespace asterism::service {
namespace {

// Graph value that every image model with a classifier has (models/image_family.hpp).
constexpr std::string_view kLogitsLayer = "logits";
constexpr std::string_view kPlace = "{}";

// How the vector of an image becomes a logit a label.
struct Labels {
  std::vector<std::string> names;  // may be fewer than there are classes: none
  Embeddings texts;                // [labels, dim]; empty for a classifier, whose vector is the logits
  float scale = 1.0F;
  std::optional<float> bias;

  std::vector<float> logits(std::span<const float> vector) const {
    if (texts.row_count == 0) {
      return {vector.begin(), vector.end()};
    }
    std::vector<float> out;
    for (std::size_t i = 0; i < texts.row_count; ++i) {
      out.push_back(scale * cosine_similarity(texts.row(i), vector) + bias.value_or(0.0F));
    }
    return out;
  }
};

Result<Labels> text_labels(const Encoder& encoder, const ClassifyRequest& request) {
  const EncoderInfo& info = encoder.info();
  if (!info.takes_texts || !info.logit_scale) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("model '{}': expected one that takes texts and images, found one for {}", info.model,
                            info.takes_images ? "images" : "texts"),
                "labels need such a model (CLIP, SigLIP); without --labels an image model's own classes are shown");
  }
  std::vector<std::string> texts;
  for (const std::string& label : request.labels) {
    texts.push_back(fill_template(request.prompt_template, label));
  }
  auto vectors = encoder.encode(texts);
  if (!vectors) {
    return std::unexpected(vectors.error());
  }
  return Labels{request.labels, *std::move(vectors), *info.logit_scale, info.logit_bias};
}

std::vector<ClassScore> best_classes(const Labels& labels, std::span<const float> vector, std::size_t top_count) {
  const std::vector<float> logits = labels.logits(vector);
  const std::vector<double> chances = probabilities(logits, labels.bias.has_value());
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return logits[i]; });
  order.resize(std::min(order.size(), top_count));
  std::vector<ClassScore> top;
  for (const std::size_t i : order) {
    top.push_back({i, i < labels.names.size() ? labels.names[i] : std::string{}, chances[i], logits[i]});
  }
  return top;
}

class Classifier {
 public:
  Classifier(const Encoder& encoder, const Labels& labels, std::size_t top_count)
      : encoder_(encoder), labels_(labels), top_count_(top_count) {}

  Result<void> run(InputWindow& window, const std::function<Result<void>(const ClassifiedRow&)>& on_row,
                   ClassifyResponse& response) {
    std::vector<Payload> payloads;
    for (Row& row : window.rows) {
      if (!row.error) {
        payloads.push_back(std::move(row.payload));
      }
    }
    Embeddings vectors;
    if (!payloads.empty()) {
      auto encoded = encode_rows(encoder_, payloads);
      if (!encoded) {
        return std::unexpected(encoded.error());
      }
      vectors = *std::move(encoded);
    }
    std::size_t next = 0;
    for (const Row& row : window.rows) {
      std::vector<ClassScore> top;
      std::optional<Error> error = row.error;
      if (!error) {
        error = vectors.reports[next].error;
        if (!error) {
          top = best_classes(labels_, vectors.row(next), top_count_);
        }
        ++next;
      }
      ++response.row_count;
      response.failed_row_count += static_cast<std::uint64_t>(error.has_value());
      if (auto taken = on_row({row, top, error}); !taken) {
        return taken;
      }
    }
    return {};
  }

 private:
  const Encoder& encoder_;
  const Labels& labels_;
  std::size_t top_count_;
};

Result<void> check(const ClassifyRequest& request) {
  if (request.top_count == 0) {
    return fail(ErrorCode::kInvalidArgument, "top: expected at least 1, found 0");
  }
  if (request.labels.size() > kLabelCountMax) {
    return fail(ErrorCode::kLimitExceeded,
                fmt::format("labels: expected at most {}, found {}", kLabelCountMax, request.labels.size()));
  }
  if (!request.prompt_template.contains(kPlace)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("template: expected {{}} where the label goes, found \"{}\"", request.prompt_template));
  }
  return {};
}

Result<Encoder> load(const ClassifyRequest& request) {
  EncoderOptions options = request.encoder;
  if (!request.labels.empty()) {
    return Encoder::load(request.model, options);
  }
  options.layers = {std::string(kLogitsLayer)};
  auto encoder = Encoder::load(request.model, options);
  if (!encoder && encoder.error().code == ErrorCode::kNotFound && encoder.error().message.contains(kLogitsLayer)) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("model '{}': expected a classifier (layer \"{}\"), found none", request.model, kLogitsLayer),
        "a model of texts and images (CLIP, SigLIP) takes the classes as --labels");
  }
  return encoder;
}

}  // namespace

std::string fill_template(std::string_view pattern, std::string_view label) {
  std::string text;
  for (std::size_t begin = 0;;) {
    const std::size_t place = pattern.find(kPlace, begin);
    text += pattern.substr(begin, place - begin);
    if (place == std::string_view::npos) {
      return text;
    }
    text += label;
    begin = place + kPlace.size();
  }
}

std::vector<double> probabilities(std::span<const float> logits, bool independent) {
  std::vector<double> out;
  const double largest = logits.empty() ? 0.0 : *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const double logit : logits) {
    out.push_back(independent ? 1.0 / (1.0 + std::exp(-logit)) : std::exp(logit - largest));
    sum += out.back();
  }
  if (!independent) {
    for (double& value : out) {
      value /= sum;
    }
  }
  return out;
}

std::vector<std::string> split_labels(std::string_view text, char separator) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string> labels;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    const std::string_view label = text.substr(begin, end - begin);
    if (const std::size_t first = label.find_first_not_of(kBlanks); first != std::string_view::npos) {
      labels.emplace_back(label.substr(first, label.find_last_not_of(kBlanks) - first + 1));
    }
    begin = end + 1;
  }
  return labels;
}

Result<ClassifyResponse> classify(const ClassifyRequest& request,
                                  const std::function<Result<void>(const ClassifiedRow&)>& on_row) {
  if (auto checked = check(request); !checked) {
    return std::unexpected(checked.error());
  }
  auto windows = InputWindows::open(request.input, request.fetch.cancel);
  if (!windows) {
    return std::unexpected(windows.error());
  }
  if (windows->kind() != PayloadKind::kImage) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("input: expected images, found {}s", payload_kind_name(windows->kind())),
                "name image files or folders, or say --kind image");
  }
  if (auto fetched = fetch_model(request.model, request.fetch); !fetched) {
    return std::unexpected(fetched.error());
  }
  const auto encoder = load(request);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  if (auto taken = expect_kind(*encoder, PayloadKind::kImage); !taken) {
    return std::unexpected(taken.error());
  }
  Labels labels;
  if (request.labels.empty()) {
    labels.names = class_names(encoder->info().folder, encoder->dim());
  } else {
    auto read = text_labels(*encoder, request);
    if (!read) {
      return std::unexpected(read.error());
    }
    labels = *std::move(read);
  }
  ClassifyResponse response;
  response.model = encoder->info();
  response.label_count = request.labels.empty() ? encoder->dim() : request.labels.size();
  Classifier classifier(*encoder, labels, request.top_count);
  InputWindow window;
  for (;;) {
    const auto more = windows->next(window);
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      return response;
    }
    if (auto done = classifier.run(window, on_row, response); !done) {
      return std::unexpected(done.error());
    }
  }
}

}  // namespace asterism::service
