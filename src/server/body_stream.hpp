// The body of an answer that is written in pieces while it is made: progress, events, files.
//
// Whoever makes it writes and goes on; the connection takes what waits whenever the client has room. Nothing blocks:
// who makes much asks on_room() and writes the next piece then, and who says how far something is leaves a line out
// while older ones wait (try_write).
// Ownership: shared by both. Thread-safety: any thread. Cost: what waits is held in memory.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace asterism::server {

class BodyStream {
 public:
  // Of who makes it. False once the client has gone: the piece is dropped.
  bool write(std::string_view piece);
  // False also while something waits: then the piece is left out.
  bool try_write(std::string_view piece);
  // After the last piece.
  void end();
  // The body cannot be finished: the connection is closed, so that the client sees that something is missing.
  void break_off();
  // Calls `action` once, on any thread, when nothing waits any more: at once if nothing does. Dropped when the client
  // goes.
  void on_room(std::function<void()> action);
  // Calls `action` once, on any thread, if the client goes before the end; at once when it has gone already.
  void on_client_gone(std::function<void()> action);

  // Of the connection.
  struct Taken {
    std::string data;
    bool ended = false;  // nothing follows
    bool broken_off = false;
  };
  // What waits. When there is nothing, `wake` is called once, on any thread, as soon as there is.
  Taken take(std::function<void()> wake);
  void client_gone();

 private:
  std::mutex mutex_;
  std::string waiting_;
  bool ended_ = false;
  bool broken_off_ = false;
  bool gone_ = false;
  std::function<void()> wake_;
  std::function<void()> on_room_;
  std::function<void()> on_gone_;
};

}  // namespace asterism::server
