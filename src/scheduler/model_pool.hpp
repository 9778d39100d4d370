// Models of a long-lived process: loaded when first asked for, shared, and dropped when memory is short.
//
// Ownership: a LoadedModel lives as long as somebody holds it; the pool lets go of the one that was used least
// recently. Thread-safety: any thread. Cost: of a model that is loaded a map lookup; others are loaded one after the
// other by the pool's own thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"

namespace asterism {

// Its vectors are not normalised and its texts get no prompt: whoever asks does both, so that one cached vector serves
// every request.
struct LoadedModel {
  std::string name;
  Encoder encoder;
  bool pooled = true;          // as in ModelVariant
  bool normalized = true;      // what the model itself would do
  std::string digest;          // model_digest() of what was loaded
  std::string identity;        // of name, source and files: part of what vectors are kept under
  std::size_t size_bytes = 0;  // of its files: what the pool counts
};

enum class ModelState : std::uint8_t { kNotLoaded, kLoading, kLoaded, kFailed };

struct ModelStatus {
  std::string name;
  bool listed = true;  // as in ModelVariant
  ModelState state = ModelState::kNotLoaded;
  std::optional<Error> error;
  std::size_t size_bytes = 0;  // of all its variants that are loaded
};

// "not_loaded", "loading", "loaded", "failed".
std::string_view model_state_name(ModelState state) noexcept;

struct ModelPoolOptions {
  EncoderOptions encoder = {};           // prompt and normalize are set by the pool
  std::size_t size_bytes_max = 0;        // of all loaded models together; 0 = no limit
  std::chrono::seconds retry_after{30};  // after a load that failed
};

// One way of loading a model of the pool: each is in memory by itself.
struct ModelVariant {
  std::string name;
  bool pooled = true;            // else a vector a token (Encoder::encode_each_token)
  std::string prompt_name = {};  // of models whose pooling leaves the prompt out; empty = no prompt
  // False: a name that the pool need not know (the model of a collection that was there before). It shares the memory
  // of the others, and is evicted like them.
  bool listed = true;
};

class ModelPool {
 public:
  using Loaded = Result<std::shared_ptr<const LoadedModel>>;
  using OnModel = std::function<void(Loaded)>;

  ModelPool(std::vector<std::string> names, ModelPoolOptions options);
  ~ModelPool();  // as stop()
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  // `on_model` is called once: now, where the model is there; else later, on the pool's thread, and must be quick.
  // kNotFound for a name that is not of the pool; the error of a load that failed is given again for a while.
  void get(const ModelVariant& variant, OnModel on_model);
  // Waits for it.
  Loaded get(const ModelVariant& variant);
  Loaded get(const std::string& name) { return get(ModelVariant{.name = name}); }
  // What is being loaded is loaded; whoever waits for more, or comes later, gets kUnavailable.
  void stop();
  const std::vector<std::string>& names() const noexcept { return names_; }
  // Those of names() in their order, then the others that were asked for.
  std::vector<ModelStatus> status() const;

 private:
  struct Entry {
    ModelVariant variant = {};
    ModelState state = ModelState::kNotLoaded;
    std::shared_ptr<const LoadedModel> model = nullptr;
    std::optional<Error> error = {};
    std::chrono::steady_clock::time_point changed = {};
    std::uint64_t used = 0;
    std::vector<OnModel> waiting = {};
  };
  // Nothing where it has to be loaded first; `on_model` is kept then.
  std::optional<Loaded> find_or_queue(const ModelVariant& variant, OnModel& on_model);
  Loaded load(const ModelVariant& variant) const;
  void make_room(const Entry& kept);
  void run();

  std::vector<std::string> names_;
  ModelPoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry, std::less<>> entries_;  // by key of the variant
  std::deque<Entry*> to_load_;
  std::uint64_t clock_ = 0;
  bool stopping_ = false;
  std::thread loader_;  // started by the first load
};

}  // namespace asterism
