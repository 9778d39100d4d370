// What every reduction is: fitted to rows, asked to place other rows, kept in a file.
//
// One class a method (pca.hpp, umap.hpp, ...), made by its own static fit(). This interface is what the table of
// methods, files and the commands see. Ownership: values. Thread-safety: a fitted estimator is immutable; transform()
// may be called from many threads, each with a pool of its own. Repeatable: the same rows, options and seed give the
// same bytes at any thread count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/rows_view.hpp"
#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/json.hpp"
#include "tensor/tensor.hpp"

namespace asterism {

class ThreadPool;

// How an analysis runs; what it computes does not depend on it.
struct AnalysisRun {
  ThreadPool& pool;
  const CancelFlag* cancel = nullptr;  // polled between steps: kCancelled
  // Where the work stands: "neighbors", 1,000 of 100,000. Called from the thread that called, at most some 20 times a
  // second.
  std::function<void(std::string_view stage, std::size_t done, std::size_t total)> progress = {};

  bool is_cancelled() const noexcept { return cancel != nullptr && cancel->requested(); }
};

// Everything that makes a fitted estimator, for files: scalars as JSON, arrays by name.
struct EstimatorState {
  struct Array {
    std::string name;  // "components"
    Tensor values;
  };
  Json options;  // what fit() was asked for, seed included
  std::vector<Array> arrays;
};

class Estimator {
 public:
  virtual ~Estimator() = default;

  // The word of --method and of files: "pca", "umap".
  virtual std::string_view method() const noexcept = 0;
  virtual std::size_t dim() const noexcept = 0;              // of the rows it takes
  virtual std::size_t component_count() const noexcept = 0;  // of the rows it gives
  // [row_count, component_count]. Each row's place depends on that row alone, never on its companions.
  // kInvalidArgument when dim differs or a value is not finite; kUnsupported where the method can not place new rows.
  virtual Result<std::vector<float>> transform(const RowsView& rows, const AnalysisRun& run) const = 0;
  virtual EstimatorState state() const = 0;

 protected:
  Estimator() = default;
  Estimator(const Estimator&) = default;
  Estimator(Estimator&&) = default;
  Estimator& operator=(const Estimator&) = default;
  Estimator& operator=(Estimator&&) = default;
};

}  // namespace asterism
