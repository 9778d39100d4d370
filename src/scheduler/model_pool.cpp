#include "scheduler/model_pool.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <utility>

#include "encoder/model_digest.hpp"

namespace asterism {
namespace {

std::size_t folder_size_bytes(const std::string& folder) {
  std::error_code error;
  std::size_t total = 0;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unreadable;
    const auto size = entry->is_regular_file(unreadable) ? entry->file_size(unreadable) : 0;
    total += unreadable ? 0 : size;
  }
  return total;
}

std::string key_of(const ModelVariant& variant) {
  return fmt::format("{}\n{}\n{}", variant.name, variant.pooled ? "" : kNoPooling, variant.prompt_name);
}

}  // namespace

ModelPool::ModelPool(std::vector<std::string> names, ModelPoolOptions options)
    : names_(std::move(names)), options_(std::move(options)) {
  for (const std::string& name : names_) {
    const ModelVariant variant{.name = name};
    entries_.try_emplace(key_of(variant), Entry{.variant = variant});
  }
}

ModelPool::~ModelPool() {
  stop();
}

void ModelPool::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (loader_.joinable()) {
    loader_.join();
  }
}

ModelPool::Loaded ModelPool::load(const ModelVariant& variant) const {
  EncoderOptions options = options_.encoder;
  options.normalize = false;
  if (!variant.pooled) {
    options.pooling = kNoPooling;
  }
  if (variant.prompt_name.empty()) {
    options.prompt = "";
  } else {
    options.prompt_name = variant.prompt_name;
  }
  auto encoder = Encoder::load(variant.name, options);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  const EncoderInfo info = encoder->info();
  const auto digest = model_digest(info);
  if (!digest) {
    return std::unexpected(digest.error());
  }
  return std::make_shared<const LoadedModel>(
      LoadedModel{.name = variant.name,
                  .encoder = *std::move(encoder),
                  .pooled = variant.pooled,
                  .normalized = info.normalized_by_default,
                  .digest = *digest,
                  .identity = fmt::format("{}\n{}\n{}", key_of(variant), *digest, info.precision),
                  .size_bytes = info.folder.empty() ? 0 : folder_size_bytes(info.folder)});
}

// Holds the lock. A model in use stays in memory until its last user lets go.
void ModelPool::make_room(const Entry& kept) {
  if (options_.size_bytes_max == 0) {
    return;
  }
  for (;;) {
    std::size_t total = 0;
    Entry* oldest = nullptr;
    for (auto& [key, entry] : entries_) {
      if (entry.state == ModelState::kLoaded) {
        total += entry.model->size_bytes;
        if (&entry != &kept && (oldest == nullptr || entry.used < oldest->used)) {
          oldest = &entry;
        }
      }
    }
    if (total <= options_.size_bytes_max || oldest == nullptr) {
      return;
    }
    oldest->model.reset();
    oldest->state = ModelState::kNotLoaded;
  }
}

std::optional<ModelPool::Loaded> ModelPool::find_or_queue(const ModelVariant& variant, OnModel& on_model) {
  if (variant.listed && std::ranges::find(names_, variant.name) == names_.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("model: expected one of {}, found \"{}\"", fmt::join(names_, ", "), variant.name));
  }
  const std::scoped_lock lock(mutex_);
  if (stopping_) {
    return fail(ErrorCode::kUnavailable, "the server is shutting down");
  }
  Entry& entry = entries_.try_emplace(key_of(variant), Entry{.variant = variant}).first->second;
  entry.used = ++clock_;
  if (entry.state == ModelState::kLoaded) {
    return entry.model;
  }
  if (entry.state == ModelState::kFailed && std::chrono::steady_clock::now() - entry.changed < options_.retry_after) {
    return std::unexpected(*entry.error);
  }
  entry.waiting.push_back(std::move(on_model));
  if (entry.state != ModelState::kLoading) {
    entry.state = ModelState::kLoading;
    to_load_.push_back(&entry);
    if (!loader_.joinable()) {
      loader_ = std::thread([this] { run(); });
    }
    changed_.notify_all();
  }
  return std::nullopt;
}

void ModelPool::get(const ModelVariant& variant, OnModel on_model) {
  if (auto found = find_or_queue(variant, on_model)) {
    on_model(*std::move(found));
  }
}

ModelPool::Loaded ModelPool::get(const ModelVariant& variant) {
  std::promise<Loaded> promise;
  get(variant, [&](Loaded model) { promise.set_value(std::move(model)); });
  return promise.get_future().get();
}

void ModelPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !to_load_.empty(); });
    if (to_load_.empty()) {
      return;
    }
    Entry& entry = *to_load_.front();
    to_load_.pop_front();
    Loaded model = fail(ErrorCode::kUnavailable, "the server is shutting down");
    if (!stopping_) {
      lock.unlock();
      model = load(entry.variant);
      lock.lock();
    }
    entry.changed = std::chrono::steady_clock::now();
    entry.state = model ? ModelState::kLoaded : ModelState::kFailed;
    entry.error = model ? std::nullopt : std::optional(model.error());
    if (model) {
      entry.model = *model;
      make_room(entry);
    }
    const auto waiting = std::exchange(entry.waiting, {});
    lock.unlock();
    for (const OnModel& on_model : waiting) {
      on_model(model);
    }
    lock.lock();
  }
}

std::vector<ModelStatus> ModelPool::status() const {
  const std::scoped_lock lock(mutex_);
  std::vector<ModelStatus> out;
  for (const std::string& name : names_) {
    out.push_back({.name = name, .error = {}});
  }
  for (const auto& [key, entry] : entries_) {
    auto status = std::ranges::find(out, entry.variant.name, &ModelStatus::name);
    if (status == out.end()) {
      status = out.insert(out.end(), {.name = entry.variant.name, .listed = false, .error = {}});
    }
    if (entry.variant.pooled && entry.variant.prompt_name.empty()) {
      status->state = entry.state;
      status->error = entry.error;
    }
    status->size_bytes += entry.model ? entry.model->size_bytes : 0;
  }
  return out;
}

std::string_view model_state_name(ModelState state) noexcept {
  switch (state) {
    case ModelState::kNotLoaded:
      return "not_loaded";
    case ModelState::kLoading:
      return "loading";
    case ModelState::kLoaded:
      return "loaded";
    case ModelState::kFailed:
      break;
  }
  return "failed";
}

}  // namespace asterism
