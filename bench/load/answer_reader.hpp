// An HTTP/1.1 answer as it arrives, with a length or in chunks. Only what servers send to a load generator: no
// trailers, no bodies that end with the connection. Ownership: holds the bytes until reset(). Thread-safety: one
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asterism::load {

enum class AnswerState { kPartial, kWhole, kBroken };

class AnswerReader {
 public:
  // Takes bytes of one answer; what follows a whole answer is an error, since requests are not pipelined.
  AnswerState take(std::string_view bytes);
  void reset();

  // Once whole:
  int status() const noexcept { return status_; }
  std::string_view body() const noexcept;
  bool keeps_alive() const noexcept { return keeps_alive_; }

 private:
  AnswerState read_head();
  AnswerState read_chunks();

  std::string bytes_;
  std::size_t body_begin_ = 0;  // 0: the head is not whole
  std::size_t body_size_ = 0;
  bool chunked_ = false;
  std::size_t chunk_begin_ = 0;  // the next size line
  std::string joined_;           // of chunks
  int status_ = 0;
  bool keeps_alive_ = true;
};

// How many innermost arrays of a JSON text hold exactly `dim` values: the vectors of an answer, in whatever dialect.
std::size_t count_vectors(std::string_view json, std::size_t dim);

}  // namespace asterism::load
