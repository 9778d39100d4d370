// Members of a tar archive, one after the other, without going back.
//
// Formats: v7, ustar and pax (POSIX.1-2017, `pax`), and GNU tar's long names and binary sizes
// (https://www.gnu.org/software/tar/manual/html_node/Standard.html). Nothing in it is trusted: checksums, sizes and the
// records of extended headers are checked, and names are only names: nothing is ever written where they say.
// Cost: one buffer and one header. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "asterism/error.hpp"
#include "dataset/buffered_input.hpp"

namespace asterism {

// Longest extended header (pax) or long name (GNU) in bytes.
inline constexpr std::uint64_t kTarExtensionSizeBytesMax = std::uint64_t{1} << 20;

enum class TarMemberKind : std::uint8_t { kFile, kSparseFile, kOther };  // kOther: folders, links, devices

struct TarMember {
  std::string name;
  TarMemberKind kind = TarMemberKind::kFile;
  std::uint64_t size_bytes = 0;  // of its data in the archive
};

class TarArchive {
 public:
  // `name` is for messages; `size_bytes` of the archive where it is known, else 0.
  TarArchive(BufferedInput input, std::string name, std::uint64_t size_bytes)
      : input_(std::move(input)), name_(std::move(name)), size_bytes_(size_bytes) {}

  // The next member, what is left of the one before passed over; nullopt at the end of the archive. kCorrupt for one
  // that contradicts itself or is cut short; nothing behind that can be read.
  Result<std::optional<TarMember>> next();
  // The data of the member that next() gave, at most once.
  Result<std::string> read();
  // Goes over it instead.
  Result<void> pass();
  // Where the header behind the member at hand begins.
  std::uint64_t next_offset() const noexcept { return next_offset_; }
  // To where a header begins.
  Result<void> seek(std::uint64_t offset);

 private:
  struct Header;
  struct Extension;

  Result<std::optional<Header>> read_header();
  Result<std::string> take(std::uint64_t size_bytes);
  // Stops at the end of the archive where that comes first.
  Result<void> skip_to(std::uint64_t offset);
  Result<std::string> read_extension(const Header& header);
  Result<void> read_pax(const Header& header, Extension& extension);
  Result<bool> extend(const Header& header, Extension& extension);
  Result<void> set_data(std::uint64_t size_bytes, const std::string& member);
  std::unexpected<Error> corrupt(std::uint64_t offset, std::string_view what) const;

  BufferedInput input_;
  std::string name_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t next_offset_ = 0;
  std::uint64_t data_end_ = 0;  // of the member at hand; what follows is padding
};

}  // namespace asterism
