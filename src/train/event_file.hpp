// Files that TensorBoard reads: records of the protocol-buffer message Event (tensorflow/core/util/event.proto), each
// framed by its length and masked CRC-32C (the TFRecord format).
//
// Only what we write is encoded: scalars, pictures, and the start of a session, which tells readers to forget steps
// behind the one that a run goes on from. Ownership: holds the file. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

// Castagnoli's polynomial, as iSCSI (RFC 3720). Cost: one table look-up a byte.
std::uint32_t crc32c(std::string_view bytes) noexcept;

struct EventPicture {
  std::string tag;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::string file;  // PNG or JPEG
};

class EventFile {
 public:
  // A new file in `folder`, named so that those of later sessions sort behind it. `step`: what the session goes on
  // from; 0 = the beginning, and files of earlier sessions go.
  static Result<EventFile> create(const std::filesystem::path& folder, std::int64_t step);
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  ~EventFile();

  Result<void> scalars(std::int64_t step, const std::map<std::string, double, std::less<>>& values);
  Result<void> picture(std::int64_t step, const EventPicture& picture);

 private:
  EventFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  Result<void> record(std::string_view message);
  int fd_ = -1;
  std::filesystem::path path_;
};

}  // namespace asterism
