// A task and a learner without pictures and without torch, for tests of the loop: softmax regression on points around
// four corners, with momentum and an average of the weights.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <thread>

#include "base/file.hpp"
#include "train/trainer.hpp"
#include "weights/safetensors.hpp"

namespace asterism {

inline constexpr std::int64_t kFakeDim = 3;
inline constexpr std::int64_t kFakeClassCount = 4;

inline Tensor f32_tensor(Shape shape, const std::vector<float>& values) {
  Tensor tensor(DType::kF32, std::move(shape));
  std::copy(values.begin(), values.end(), tensor.mutable_as<float>().begin());
  return tensor;
}

// What is learnt from at first.
inline std::vector<float> fake_weights() {
  std::vector<float> out(static_cast<std::size_t>(kFakeDim * kFakeClassCount));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = 0.01F * static_cast<float>(i % 7) - 0.03F;
  }
  return out;
}

struct FakePoints {
  std::vector<float> values;
  std::vector<std::int32_t> labels;
};

inline FakePoints fake_points(std::size_t count, std::uint64_t seed) {
  constexpr std::array<std::array<float, 3>, 4> kCorners{{{0, 0, 9}, {1, 0, 9}, {0, 1, 9}, {1, 1, 9}}};
  std::mt19937_64 random(seed);
  FakePoints out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::size_t>(random() % kFakeClassCount);
    for (const float corner : kCorners[label]) {
      out.values.push_back(corner + 0.3F * (static_cast<float>(random() % 1000) / 1000.0F - 0.5F));
    }
    out.labels.push_back(static_cast<std::int32_t>(label));
  }
  return out;
}

class FakeSource : public BatchSource {
 public:
  FakeSource(const FakePoints& points, std::int64_t batch_size, bool learns)
      : points_(points), batch_size_(batch_size), learns_(learns) {}
  std::int64_t batch_count() const noexcept override {
    return learns_ ? row_count() / batch_size_ : (row_count() + batch_size_ - 1) / batch_size_;
  }
  std::int64_t row_count() const noexcept override { return static_cast<std::int64_t>(points_.labels.size()); }
  Result<Batch> batch(std::int64_t epoch, std::int64_t index) const override {
    std::vector<std::int64_t> order(points_.labels.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<std::int64_t>(i);
    }
    if (learns_) {
      std::mt19937_64 random(static_cast<std::uint64_t>(epoch) + 1);
      for (std::size_t i = order.size(); i > 1; --i) {
        std::swap(order[i - 1], order[random() % i]);
      }
    }
    Batch out;
    std::vector<float> input;
    const std::int64_t begin = index * batch_size_;
    const std::int64_t end = std::min(row_count(), begin + batch_size_);
    Tensor labels(DType::kI32, {end - begin});
    for (std::int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
      input.insert(input.end(), points_.values.begin() + static_cast<std::ptrdiff_t>(row * kFakeDim),
                   points_.values.begin() + static_cast<std::ptrdiff_t>((row + 1) * kFakeDim));
      labels.mutable_as<std::int32_t>()[static_cast<std::size_t>(i - begin)] = points_.labels[row];
      out.rows.push_back(static_cast<std::int64_t>(row));
    }
    out.feeds = {{"input", f32_tensor({end - begin, kFakeDim}, input)}, {"labels", labels}};
    return out;
  }

 private:
  const FakePoints& points_;
  std::int64_t batch_size_;
  bool learns_;
};

class FakeTask : public TrainingTask {
 public:
  explicit FakeTask(std::int64_t batch_size = 8, std::map<std::string, std::string> digests = {{"names", "a"}})
      : batch_size_(batch_size) {
    data_.digests = std::move(digests);
    network_.learner.losses = {{.name = "cross_entropy", .kind = LossKind::kCrossEntropy, .outputs = {"scores"}}};
    network_.embedding = network_.classifier = "scores";
    network_.dim = kFakeClassCount;
    network_.learner.parameters = {{"w", f32_tensor({kFakeClassCount, kFakeDim}, fake_weights())}};
    data_.train_count = train_.row_count();
    data_.validation_count = validation_.row_count();
    data_.test_count = test_.row_count();
  }
  const TrainingNetwork& network() const noexcept override { return network_; }
  const DataReport& data() const noexcept override { return data_; }
  const BatchSource& training() const noexcept override { return training_; }
  const BatchSource& held_out() const noexcept override { return validation_; }
  const BatchSource& plain(Split split) const noexcept override {
    return split == Split::kTrain ? train_ : split == Split::kValidation ? validation_ : test_;
  }
  const std::vector<std::int32_t>& labels(Split split) const noexcept override { return points(split).labels; }
  Result<std::string> thumbnail(Split /*split*/, std::int64_t /*row*/, std::int64_t /*edge*/) const override {
    return std::string{};
  }
  Result<std::vector<float>> raw_vector(Split split, std::int64_t row) const override {
    const auto begin = points(split).values.begin() + row * kFakeDim;
    return std::vector<float>(begin, begin + kFakeDim);
  }
  Result<void> write_model(const ParameterMap& parameters, const std::optional<VectorProjection>& projection,
                           const std::filesystem::path& folder) const override {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : parameters) {
      tensors.push_back({name, tensor});
    }
    if (projection) {
      Json config = Json::object();
      put_vector_projection(*projection, config, tensors);
    }
    return write_safetensors(folder / "model.safetensors", tensors);
  }

 private:
  const FakePoints& points(Split split) const {
    return split == Split::kTrain ? points_[0] : split == Split::kValidation ? points_[1] : points_[2];
  }
  std::int64_t batch_size_;
  std::array<FakePoints, 3> points_{fake_points(100, 1), fake_points(40, 2), fake_points(60, 3)};
  FakeSource training_{points_[0], batch_size_, true};
  FakeSource train_{points_[0], batch_size_, false};
  FakeSource validation_{points_[1], batch_size_, false};
  FakeSource test_{points_[2], batch_size_, false};
  TrainingNetwork network_;
  DataReport data_;
};

class FakeLearner : public Learner {
 public:
  std::chrono::microseconds step_delay{0};
  std::int64_t bad_step = -1;                 // whose loss is not finite, counted from 0
  std::function<void(std::int64_t)> on_step;  // before each

  FakeLearner() {
    std::ranges::copy(fake_weights(), weights_.begin());
    average_ = weights_;
  }

  Result<StepReport> step(std::span<const MicroBatch> batches, const StepSettings& settings) override {
    if (on_step) {
      on_step(step_);
    }
    std::this_thread::sleep_for(step_delay);
    if (step_ == bad_step) {
      return StepReport{.loss = std::numeric_limits<double>::quiet_NaN(),
                        .terms = {},
                        .finite = false,
                        .bad_batch = batches.size() - 1};
    }
    StepReport report;
    Values gradient{};
    double rows = 0.0;
    for (const MicroBatch& batch : batches) {
      report.loss += batch.weight * loss(batch.feeds, static_cast<float>(batch.weight), gradient);
      rows += batch.weight;
    }
    report.loss /= rows;
    report.terms = {report.loss};
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      momentum_[i] = 0.9F * momentum_[i] + gradient[i] / static_cast<float>(rows);
      weights_[i] -= static_cast<float>(settings.learning_rate) * momentum_[i];
      const auto decay = static_cast<float>(settings.average_decay);
      average_[i] = decay * average_[i] + (1.0F - decay) * weights_[i];
    }
    ++step_;
    return report;
  }
  Result<StepReport> losses(const std::vector<Feed>& feeds) override {
    Values ignored{};
    return StepReport{.loss = loss(feeds, 1.0F, ignored), .terms = {}};
  }
  Result<std::vector<Tensor>> run(std::string_view role, const std::vector<Feed>& feeds,
                                  std::span<const std::string> outputs, WeightsOf weights) override {
    if ((role != kEvaluateGraph && role != kTrainGraph) || outputs.size() != 1 || outputs[0] != "scores") {
      return fail(ErrorCode::kNotFound, "no such value");
    }
    return std::vector<Tensor>{scores(feeds[0].tensor, weights == WeightsOf::kTrained ? weights_ : average_)};
  }
  Result<ParameterMap> parameters(WeightsOf weights) const override {
    return ParameterMap{{"w", tensor(weights == WeightsOf::kTrained ? weights_ : average_)}};
  }
  Result<ParameterMap> state() const override {
    return ParameterMap{{"parameters.w", tensor(weights_)},
                        {"average.w", tensor(average_)},
                        {"optimizer.w", tensor(momentum_)},
                        {"optimizer.step", f32_tensor({1}, {static_cast<float>(step_)})}};
  }
  Result<void> restore(const ParameterMap& state) override {
    if (!state.contains("parameters.w") || state.at("parameters.w").element_count() != weights_.size()) {
      return fail(ErrorCode::kMismatch, "expected a parameter 'w' of [4, 3]");
    }
    copy(state.at("parameters.w"), weights_);
    copy(state.at("average.w"), average_);
    copy(state.at("optimizer.w"), momentum_);
    step_ = static_cast<std::int64_t>(state.at("optimizer.step").as<float>()[0]);
    return {};
  }
  std::string_view device() const noexcept override { return "cpu"; }

 private:
  using Values = std::array<float, static_cast<std::size_t>(kFakeDim* kFakeClassCount)>;

  static Tensor tensor(const Values& values) {
    return f32_tensor({kFakeClassCount, kFakeDim}, {values.begin(), values.end()});
  }
  static void copy(const Tensor& from, Values& to) {
    const Tensor aligned = from.to_f32();
    std::copy(aligned.as<float>().begin(), aligned.as<float>().end(), to.begin());
  }
  static Tensor scores(const Tensor& input, const Values& weights) {
    const auto rows = input.shape()[0];
    Tensor out(DType::kF32, {rows, kFakeClassCount});
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < kFakeClassCount; ++c) {
        float sum = 0.0F;
        for (std::int64_t d = 0; d < kFakeDim; ++d) {
          sum += weights[static_cast<std::size_t>(c * kFakeDim + d)] *
                 input.as<float>()[static_cast<std::size_t>(r * kFakeDim + d)];
        }
        out.mutable_as<float>()[static_cast<std::size_t>(r * kFakeClassCount + c)] = sum;
      }
    }
    return out;
  }
  // Mean cross-entropy; adds weight * its gradient.
  double loss(const std::vector<Feed>& feeds, float weight, Values& gradient) const {
    const Tensor made = scores(feeds[0].tensor, weights_);
    const auto labels = feeds[1].tensor.as<std::int32_t>();
    const auto input = feeds[0].tensor.as<float>();
    double sum = 0.0;
    for (std::size_t r = 0; r < labels.size(); ++r) {
      const auto row = made.as<float>().subspan(r * kFakeClassCount, kFakeClassCount);
      const float largest = *std::ranges::max_element(row);
      float total = 0.0F;
      for (const float score : row) {
        total += std::exp(score - largest);
      }
      sum += std::log(total) + largest - row[static_cast<std::size_t>(labels[r])];
      for (std::size_t c = 0; c < row.size(); ++c) {
        const float slope =
            std::exp(row[c] - largest) / total - (static_cast<std::int32_t>(c) == labels[r] ? 1.0F : 0.0F);
        for (std::size_t d = 0; d < kFakeDim; ++d) {
          gradient[c * kFakeDim + d] += weight * slope * input[r * kFakeDim + d] / static_cast<float>(labels.size());
        }
      }
    }
    return sum / static_cast<double>(labels.size());
  }

  Values weights_{};
  Values average_{};
  Values momentum_{};
  std::int64_t step_ = 0;
};

}  // namespace asterism
