// The body of a request that is read while it arrives, so that it may be larger than memory.
//
// The connection writes what it has read and reads on while there is room; when there is none it waits, and the
// client's sends wait with it. Whoever needs the body reads it on a thread that may wait.
// Ownership: shared by both. Thread-safety: any thread. Cost: what waits is held in memory: `room_size_bytes`, and one
// piece more.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"

namespace asterism::server {

class UploadStream {
 public:
  static constexpr std::size_t kRoomSizeBytes = std::size_t{1} << 20;

  explicit UploadStream(std::size_t room_size_bytes = kRoomSizeBytes) : room_size_bytes_(room_size_bytes) {}

  // Of the connection. True: there is room for more. False: there is none; `wake` is called once, on any thread, when
  // there is again, or when nobody reads any more.
  bool write(std::string_view piece, std::function<void()> wake);
  // After the last piece.
  void end();
  // The rest will not come: what was written can be read, and then `error`.
  void break_off(Error error);

  // Of whoever reads. Waits until there is something; 0 at the end. kCancelled soon after `cancel` was requested.
  Result<std::size_t> read(std::span<char> out, const CancelFlag& cancel);
  // Nothing more is wanted.
  void close();
  bool closed() const;
  // What it broke off with, once all before that was read.
  std::optional<Error> error() const;
  // Read so far.
  std::uint64_t size_bytes() const;

 private:
  const std::size_t room_size_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  std::size_t taken_ = 0;  // of `waiting_`
  std::uint64_t size_bytes_ = 0;
  bool ended_ = false;
  bool closed_ = false;
  std::optional<Error> error_;
  std::function<void()> wake_;
};

}  // namespace asterism::server
