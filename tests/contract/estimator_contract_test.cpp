// What every row of the table of reductions must do, whatever it computes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "analysis/estimator_file.hpp"
#include "analysis/estimators.hpp"
#include "base/counter_random.hpp"
#include "base/file.hpp"
#include "base/thread_pool.hpp"
#include "scratch_folder.hpp"
#include "weights/safetensors.hpp"

namespace asterism {
namespace {

constexpr std::size_t kRows = 150;
constexpr std::size_t kDim = 12;

// Three groups of rows, some way from each other.
std::vector<float> example_rows(std::size_t row_count = kRows, std::uint64_t seed = 1) {
  const CounterRandom random(seed);
  std::vector<float> values(row_count * kDim);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t group = i / kDim % 3;
    values[i] = static_cast<float>(random.normal(i) + (i % kDim == group ? 6.0 : 0.0));
  }
  return values;
}

class EstimatorContract : public testing::TestWithParam<std::string> {
 protected:
  const EstimatorMethod& method() const { return **find_estimator_method(GetParam()); }

  FitRequest request(const std::vector<float>& rows) {
    labels_.clear();
    for (std::size_t row = 0; row < rows.size() / kDim; ++row) {
      labels_.push_back(row % 10 == 9 ? kNoLabel : static_cast<std::int32_t>(row % 3));
    }
    FitRequest out{.rows = {.values = rows, .row_count = rows.size() / kDim, .dim = kDim},
                   .options = {{"components", 2}}};
    if (method().labels != LabelUse::kIgnored) {
      out.labels = labels_;
    }
    return out;
  }

  Result<FittedEstimator> fit(const std::vector<float>& rows, std::size_t thread_count = 2) {
    ThreadPool pool(thread_count);
    return fit_estimator(GetParam(), request(rows), {.pool = pool});
  }

  static Result<std::vector<float>> place(const Estimator& estimator, std::span<const float> rows,
                                          std::size_t thread_count = 2) {
    ThreadPool pool(thread_count);
    return estimator.transform({.values = rows, .row_count = rows.size() / kDim, .dim = kDim}, {.pool = pool});
  }

 private:
  std::vector<std::int32_t> labels_;
};

bool same_bytes(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST_P(EstimatorContract, places_every_row_it_was_fitted_on) {
  const auto rows = example_rows();
  const auto fitted = fit(rows);
  ASSERT_TRUE(fitted) << fitted.error().to_string();
  EXPECT_EQ(fitted->estimator->method(), GetParam());
  EXPECT_EQ(fitted->estimator->dim(), kDim);
  EXPECT_EQ(fitted->estimator->component_count(), 2U);
  ASSERT_EQ(fitted->embedding.size(), kRows * 2);
  EXPECT_TRUE(std::ranges::all_of(fitted->embedding, [](float v) { return std::isfinite(v); }));
}

TEST_P(EstimatorContract, gives_the_same_bytes_with_any_number_of_threads) {
  const auto rows = example_rows(700);
  const auto one = fit(rows, 1);
  ASSERT_TRUE(one) << one.error().to_string();
  for (const std::size_t thread_count : {2U, 3U}) {
    const auto several = fit(rows, thread_count);
    ASSERT_TRUE(several);
    EXPECT_TRUE(same_bytes(one->embedding, several->embedding)) << thread_count << " threads";
    if (method().transforms) {
      const auto others = example_rows(70, 9);
      EXPECT_TRUE(same_bytes(*place(*one->estimator, others, 1), *place(*several->estimator, others, thread_count)));
    }
  }
}

TEST_P(EstimatorContract, places_a_row_by_that_row_alone) {
  const auto fitted = fit(example_rows());
  ASSERT_TRUE(fitted);
  const auto others = example_rows(23, 4);
  const auto together = place(*fitted->estimator, others);
  if (!method().transforms) {
    ASSERT_FALSE(together);
    EXPECT_EQ(together.error().code, ErrorCode::kUnsupported);
    return;
  }
  ASSERT_TRUE(together) << together.error().to_string();
  ASSERT_EQ(together->size(), 23U * 2);
  for (const std::size_t row : {0U, 11U, 22U}) {
    const auto alone = place(*fitted->estimator, std::span(others).subspan(row * kDim, kDim));
    ASSERT_TRUE(alone);
    EXPECT_TRUE(same_bytes(*alone, std::span(*together).subspan(row * 2, 2))) << "row " << row;
  }
}

TEST_P(EstimatorContract, a_file_of_it_places_rows_alike_and_is_the_same_file_again) {
  const ScratchFolder folder("estimator-contract");
  const auto fitted = fit(example_rows());
  ASSERT_TRUE(fitted);
  const auto path = folder.path() / "model.safetensors";
  const auto again = folder.path() / "again.safetensors";
  ASSERT_TRUE(write_estimator(path, *fitted->estimator));
  const auto loaded = read_estimator(path);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  ASSERT_TRUE(write_estimator(again, **loaded));
  EXPECT_EQ(*read_file(path, 1 << 24), *read_file(again, 1 << 24));
  EXPECT_EQ((*loaded)->method(), GetParam());
  EXPECT_EQ((*loaded)->component_count(), 2U);
  if (method().transforms) {
    const auto others = example_rows(20, 5);
    EXPECT_TRUE(same_bytes(*place(*fitted->estimator, others), *place(**loaded, others)));
  }
}

TEST_P(EstimatorContract, refuses_files_that_are_cut_short_or_lie) {
  const ScratchFolder folder("estimator-contract");
  const auto fitted = fit(example_rows());
  ASSERT_TRUE(fitted);
  const auto path = folder.path() / "model.safetensors";
  ASSERT_TRUE(write_estimator(path, *fitted->estimator));
  const std::string bytes = *read_file(path, 1 << 24);
  const auto all = std::as_bytes(std::span(bytes));
  for (std::size_t size : {std::size_t{0}, std::size_t{7}, bytes.size() / 2, bytes.size() - 1}) {
    EXPECT_FALSE(parse_estimator(all.first(size), "cut")) << size;
  }
  auto file = read_safetensors(path);
  ASSERT_TRUE(file);
  const auto with = [&](std::string_view key, const std::string& value) {
    auto metadata = file->metadata;
    metadata[std::string(key)] = value;
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : file->tensors) {
      tensors.push_back({name, tensor});
    }
    const auto changed = folder.path() / "changed.safetensors";
    EXPECT_TRUE(write_safetensors(changed, tensors, metadata));
    const auto read = read_estimator(changed);
    return read ? Error{.code = ErrorCode::kInternal, .message = "read", .hint = {}} : read.error();
  };
  EXPECT_EQ(with("format_version", "2").code, ErrorCode::kUnsupported);
  EXPECT_EQ(with("format", "other").code, ErrorCode::kCorrupt);
  EXPECT_EQ(with("method", "no-such").code, ErrorCode::kUnsupported);
  EXPECT_EQ(with("options", "{\"no_such\": 1}").code, ErrorCode::kCorrupt);
  EXPECT_EQ(with("options", "{").code, ErrorCode::kCorrupt);
  EXPECT_EQ(with("options", "{\"components\": 5}").code, ErrorCode::kCorrupt);
  // Every array must be there and have its shape.
  for (const auto& [name, tensor] : SafetensorsFile(*file).tensors) {
    const Tensor kept = tensor;
    file->tensors.erase(name);
    EXPECT_EQ(with("format_version", "1").code, ErrorCode::kCorrupt) << name << " left out";
    file->tensors[name] = Tensor(kept.dtype(), {1, 1, 1});
    EXPECT_NE(with("format_version", "1").message, "read") << name << " misshaped";
    file->tensors[name] = kept;
  }
}

TEST_P(EstimatorContract, refuses_rows_that_are_not_finite_or_of_another_size) {
  auto rows = example_rows();
  rows[3 * kDim + 5] = std::numeric_limits<float>::quiet_NaN();
  const auto with_nan = fit(rows);
  ASSERT_FALSE(with_nan);
  EXPECT_EQ(with_nan.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(with_nan.error().message.find("row 3 "), std::string::npos) << with_nan.error().message;
  ThreadPool pool(1);
  EXPECT_FALSE(fit_estimator(GetParam(), {.rows = {.values = {}, .row_count = 0, .dim = kDim}}, {.pool = pool}));
  if (!method().transforms) {
    return;
  }
  const auto fitted = fit(example_rows());
  ASSERT_TRUE(fitted);
  EXPECT_FALSE(place(*fitted->estimator, rows));
  const std::vector<float> narrow(30, 1.0F);
  const auto other_dim = fitted->estimator->transform({.values = narrow, .row_count = 10, .dim = 3}, {.pool = pool});
  ASSERT_FALSE(other_dim);
  EXPECT_EQ(other_dim.error().code, ErrorCode::kInvalidArgument);
}

TEST_P(EstimatorContract, refuses_labels_and_places_that_do_not_fit) {
  const auto rows = example_rows();
  ThreadPool pool(1);
  FitRequest with_labels = request(rows);
  const std::vector<std::int32_t> few(3, 0);
  with_labels.labels = few;
  EXPECT_FALSE(fit_estimator(GetParam(), with_labels, {.pool = pool}));
  FitRequest with_places = request(rows);
  const std::vector<float> one(1, 0.0F);
  with_places.initial = one;
  EXPECT_FALSE(fit_estimator(GetParam(), with_places, {.pool = pool}));
}

// An error or places, and neither a crash nor a hang.
TEST_P(EstimatorContract, survives_equal_rows_constant_columns_and_few_rows) {
  const auto check = [&](const std::vector<float>& rows, std::string_view what) {
    const auto fitted = fit(rows);
    if (!fitted) {
      EXPECT_EQ(fitted.error().code, ErrorCode::kInvalidArgument) << what << ": " << fitted.error().to_string();
      return;
    }
    EXPECT_TRUE(std::ranges::all_of(fitted->embedding, [](float v) { return std::isfinite(v); })) << what;
  };
  check(std::vector<float>(300 * kDim, 2.5F), "equal rows");
  auto constant = example_rows();
  for (std::size_t at = 2; at < constant.size(); at += kDim) {
    constant[at] = -7.0F;
  }
  check(constant, "constant column");
  for (const std::size_t row_count : {1U, 2U, 3U, 5U}) {
    check(example_rows(row_count), std::to_string(row_count) + " rows");
  }
}

TEST_P(EstimatorContract, stops_when_asked) {
  const auto rows = example_rows(2000);
  ThreadPool pool(2);
  CancelFlag cancel;
  cancel.request();
  const auto fitted = fit_estimator(GetParam(), request(rows), {.pool = pool, .cancel = &cancel});
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().code, ErrorCode::kCancelled);
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const EstimatorMethod& method : estimator_methods()) {
    names.emplace_back(method.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Methods, EstimatorContract, testing::ValuesIn(method_names()), [](const auto& each) {
  std::string name = each.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace asterism
