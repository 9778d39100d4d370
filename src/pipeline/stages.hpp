// The three stages of a job on their threads, and the queues between them.
#pragma once

#include <cstddef>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "base/bounded_queue.hpp"
#include "base/first_error.hpp"
#include "pipeline/row_windows.hpp"
#include "pipeline/shard_writer.hpp"
#include "pipeline/window_encoder.hpp"

namespace asterism {

// Windows that may wait between two stages: enough to keep both busy, few enough to keep memory small.
inline constexpr std::size_t kQueuedWindowCountMax = 2;

// An error of the reader lets what was read before it be written; an error of the encoder lets what was encoded before
// it be written; after an error of the writer nothing is. Borrows all it is given.
class Stages {
 public:
  Stages(RowWindows& source, WindowEncoder& encoder, WindowSink& sink, const CancelFlag* cancel, FirstError& error)
      : source_(source), encoder_(encoder), sink_(sink), cancel_(cancel), error_(error) {}

  // Encodes on the calling thread; returns when all three have ended. What went wrong is in `error`.
  void run();

 private:
  struct QueuesCloser;
  void read();
  void encode();
  void write();

  RowWindows& source_;
  WindowEncoder& encoder_;
  WindowSink& sink_;
  const CancelFlag* cancel_;
  FirstError& error_;
  BoundedQueue<RowWindow> read_{kQueuedWindowCountMax};
  BoundedQueue<EncodedWindow> encoded_{kQueuedWindowCountMax};
};

}  // namespace asterism
