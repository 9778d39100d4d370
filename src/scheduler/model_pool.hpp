// Models of a long-lived process: loaded when first asked for, shared, and dropped when memory is short.
//
// Ownership: a LoadedModel lives as long as somebody holds it; the pool lets go of the one that was used least
// recently. Thread-safety: any thread. Cost: get() of a model that is loaded is a map lookup; otherwise it loads on the
// calling thread, and others that ask for the same model wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Its vectors are not normalised and its texts get no prompt: whoever asks does both, so that one cached vector serves
// every request.
struct LoadedModel {
  std::string name;
  Encoder encoder;
  bool normalized = true;      // what the model itself would do
  std::string identity;        // of name, source and files: part of what vectors are kept under
  std::size_t size_bytes = 0;  // of its files: what the pool counts
};

enum class ModelState : std::uint8_t { kNotLoaded, kLoading, kLoaded, kFailed };

struct ModelStatus {
  std::string name;
  ModelState state = ModelState::kNotLoaded;
  std::optional<Error> error;
};

struct ModelPoolOptions {
  EncoderOptions encoder = {};           // prompt and normalize are set by the pool
  std::size_t size_bytes_max = 0;        // of all loaded models together; 0 = no limit
  std::chrono::seconds retry_after{30};  // after a load that failed
};

class ModelPool {
 public:
  ModelPool(std::vector<std::string> names, ModelPoolOptions options);

  // kNotFound for a name that is not of the pool; the error of a load that failed is given again for a while.
  Result<std::shared_ptr<const LoadedModel>> get(const std::string& name);
  const std::vector<std::string>& names() const noexcept { return names_; }
  std::vector<ModelStatus> status() const;

 private:
  struct Entry {
    ModelState state = ModelState::kNotLoaded;
    std::shared_ptr<const LoadedModel> model = nullptr;
    std::optional<Error> error = {};
    std::chrono::steady_clock::time_point changed = {};
    std::uint64_t used = 0;
  };
  Result<std::shared_ptr<const LoadedModel>> load(const std::string& name) const;
  void make_room(const std::string& kept);

  std::vector<std::string> names_;
  ModelPoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace asterism
