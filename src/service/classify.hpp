// Use case: what images show. Among labels given as texts, with a model of texts and images; or among the classes that
// a model was trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row_source.hpp"
#include "service/model_fetch.hpp"

namespace asterism::service {

// Most labels of one request.
inline constexpr std::size_t kLabelCountMax = 100'000;

struct ClassifyRequest {
  std::string model = std::string(kBuiltinModel);
  EncoderOptions encoder;
  ModelFetch fetch;
  RowSourceOptions input;              // images
  std::vector<std::string> labels;     // empty = the classes of the model's own classifier
  std::string prompt_template = "{}";  // what is encoded for a label: every {} stands for it
  std::size_t top_count = 5;
};

struct ClassScore {
  std::size_t index = 0;     // of the label, or the class
  std::string label;         // empty where the model has no names for its classes
  double probability = 0.0;  // softmax over all labels; with EncoderInfo::logit_bias a sigmoid, each label by itself
  float logit = 0.0F;
};

struct ClassifiedRow {
  const Row& row;                      // borrowed for the duration of the call
  const std::vector<ClassScore>& top;  // best first; equal ones in the order of labels. Empty with an error
  const std::optional<Error>& error;   // the row could not be read or decoded
};

struct ClassifyResponse {
  EncoderInfo model;
  std::size_t label_count = 0;
  std::uint64_t row_count = 0;
  std::uint64_t failed_row_count = 0;
};

// Calls `on_row` for each row in input order, on the calling thread; an error from it ends the job and is returned.
// kUnsupported for labels with a model that takes no texts or has no logit scale, and without labels for a model that
// has no classifier. Memory is one window of images.
Result<ClassifyResponse> classify(const ClassifyRequest& request,
                                  const std::function<Result<void>(const ClassifiedRow&)>& on_row);

// What is encoded for a label: the pattern with the label for every {}.
std::string fill_template(std::string_view pattern, std::string_view label);

// The labels of a text: one a line, or separated by `separator`; blanks around them and empty ones are dropped.
std::vector<std::string> split_labels(std::string_view text, char separator);

// Of logits, in double: a softmax over all, or a sigmoid of each.
std::vector<double> probabilities(std::span<const float> logits, bool independent);

}  // namespace asterism::service
