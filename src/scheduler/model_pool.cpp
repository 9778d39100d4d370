#include "scheduler/model_pool.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
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

}  // namespace

ModelPool::ModelPool(std::vector<std::string> names, ModelPoolOptions options)
    : names_(std::move(names)), options_(std::move(options)) {
  for (const std::string& name : names_) {
    entries_.try_emplace(name);
  }
}

Result<std::shared_ptr<const LoadedModel>> ModelPool::load(const std::string& name) const {
  EncoderOptions options = options_.encoder;
  // What the model would do by itself is asked of it first: the description says whether it normalises.
  options.prompt = "";
  auto as_it_is = Encoder::load(name, options);
  if (!as_it_is) {
    return std::unexpected(as_it_is.error());
  }
  const bool normalized = as_it_is->info().normalized;
  options.normalize = false;
  auto encoder = normalized ? Encoder::load(name, options) : std::move(as_it_is);
  if (!encoder) {
    return std::unexpected(encoder.error());
  }
  const EncoderInfo info = encoder->info();
  std::string digest = info.source;
  if (!info.folder.empty()) {
    auto made = model_digest(info.folder);
    if (!made) {
      return std::unexpected(made.error());
    }
    digest = *std::move(made);
  }
  return std::make_shared<const LoadedModel>(
      LoadedModel{.name = name,
                  .encoder = *std::move(encoder),
                  .normalized = normalized,
                  .identity = fmt::format("{}\n{}\n{}", name, digest, info.precision),
                  .size_bytes = info.folder.empty() ? 0 : folder_size_bytes(info.folder)});
}

// Holds the lock. A model in use stays in memory until its last user lets go.
void ModelPool::make_room(const std::string& kept) {
  if (options_.size_bytes_max == 0) {
    return;
  }
  for (;;) {
    std::size_t total = 0;
    Entry* oldest = nullptr;
    for (auto& [name, entry] : entries_) {
      if (entry.state == ModelState::kLoaded) {
        total += entry.model->size_bytes;
        if (name != kept && (oldest == nullptr || entry.used < oldest->used)) {
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

Result<std::shared_ptr<const LoadedModel>> ModelPool::get(const std::string& name) {
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("model: expected one of {}, found \"{}\"", fmt::join(names_, ", "), name));
  }
  Entry& entry = found->second;
  changed_.wait(lock, [&] { return entry.state != ModelState::kLoading; });
  if (entry.state == ModelState::kFailed && std::chrono::steady_clock::now() - entry.changed < options_.retry_after) {
    return std::unexpected(*entry.error);
  }
  entry.used = ++clock_;
  if (entry.state == ModelState::kLoaded) {
    return entry.model;
  }
  entry.state = ModelState::kLoading;
  lock.unlock();
  auto model = load(name);
  lock.lock();
  entry.changed = std::chrono::steady_clock::now();
  entry.state = model ? ModelState::kLoaded : ModelState::kFailed;
  if (model) {
    entry.model = *model;
    entry.error.reset();
    make_room(name);
  } else {
    entry.error = model.error();
  }
  changed_.notify_all();
  return model;
}

std::vector<ModelStatus> ModelPool::status() const {
  const std::scoped_lock lock(mutex_);
  std::vector<ModelStatus> out;
  for (const std::string& name : names_) {
    const Entry& entry = entries_.find(name)->second;
    out.push_back({.name = name, .state = entry.state, .error = entry.error});
  }
  return out;
}

}  // namespace asterism
