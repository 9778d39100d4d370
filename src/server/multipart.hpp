// multipart/form-data bodies (RFC 7578), part by part.
//
// Ownership: parts own their data. Thread-safety: one thread a reader. Cost: one pass; the part at hand is in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"

namespace asterism::server {

// Of a body that is parsed whole; one past is kLimitExceeded.
inline constexpr std::size_t kMultipartPartCountMax = 4096;

struct MultipartPart {
  std::string name;
  std::string file_name;  // empty where it is no file
  std::string content_type;
  std::string data;
  std::optional<Error> refused = {};  // too large: there is no data then
};

class MultipartReader {
 public:
  MultipartReader(std::unique_ptr<ByteSource> body, std::string_view boundary, std::size_t part_size_bytes_max);

  // Nothing behind the last part, once the body was read to its end. kInvalidArgument names the part that is broken.
  Result<std::optional<MultipartPart>> next();

 private:
  enum class Found : bool { kNo, kYes };

  // More of the body behind what is at hand; false at its end.
  Result<bool> fill();
  // Appends what comes before `mark` to `out` and passes the mark. kNo: the body ended, or it is longer than
  // `size_bytes_max` and `over_limit` is null, which else says so, and what is too much is dropped.
  Result<Found> take_until(std::string_view mark, std::string& out, std::size_t size_bytes_max, bool* over_limit);
  Result<bool> begin_part();
  Result<void> read_headers(MultipartPart& part);
  std::unexpected<Error> broken(std::string_view expected) const;

  std::unique_ptr<ByteSource> body_;
  const std::string delimiter_;  // with the line break before it
  const std::size_t part_size_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is at hand in `buffer_`
  std::size_t part_count_ = 0;
  bool ended_ = false;
};

// The boundary of "multipart/form-data; boundary=..."; kInvalidArgument without one.
Result<std::string> multipart_boundary(std::string_view content_type);
// Of a body that is at hand.
Result<std::vector<MultipartPart>> parse_multipart(std::string_view body, std::string_view boundary);

}  // namespace asterism::server
