// Zip archives in memory: each member deflated, or stored where that is smaller.
//
// Format: PKWARE's APPNOTE.TXT 6.3, without zip64: kLimitExceeded past 4 GiB or 65,535 members. Times are that of the
// format's beginning, so that the same members give the same bytes. Thread-safety: one thread. Memory: the archive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "asterism/error.hpp"

namespace asterism {

class ZipWriter {
 public:
  // `name` as it stands in the archive: UTF-8, with '/' between folders. kInternal where zlib fails.
  Result<void> add(std::string_view name, std::string_view content);
  // The archive; the writer is empty afterwards.
  std::string finish();

 private:
  std::string bytes_;
  std::string directory_;
  std::uint16_t member_count_ = 0;
};

}  // namespace asterism
