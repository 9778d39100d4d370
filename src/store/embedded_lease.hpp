// A reader of the embedded store for the time of one call.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "store/embedded_store.hpp"

namespace asterism {

class EmbeddedStore::Lease {
 public:
  Lease(const EmbeddedStore& store, std::unique_ptr<ItemReader> reader) : store_(&store), reader_(std::move(reader)) {}
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (reader_) {
      const std::scoped_lock lock(store_->readers_mutex_);
      store_->readers_.push_back(std::move(reader_));
    }
  }

  ItemReader& operator*() const noexcept { return *reader_; }
  ItemReader* operator->() const noexcept { return reader_.get(); }
  // Closes the connection instead of keeping it.
  void drop() noexcept { reader_.reset(); }

 private:
  const EmbeddedStore* store_;
  std::unique_ptr<ItemReader> reader_;
};

}  // namespace asterism
