// Where the bytes of a text input come from: a file, a pipe, stdin, or memory.
//
// Ownership: a source owns its descriptor or its bytes. Thread-safety: one thread per source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills at most `out`; 0 only at the end. Blocks on a pipe until there is something.
  virtual Result<std::size_t> read(std::span<char> out) = 0;
  // Goes on from `offset`; an error where the source cannot (pipes).
  virtual Result<void> seek(std::uint64_t offset) = 0;
};

// What the system says about an input before it is read.
struct InputInfo {
  std::string path;              // as given; "-" is stdin
  bool seekable = false;         // a regular file; pipes, devices and stdin are read once
  std::uint64_t size_bytes = 0;  // 0 when not seekable
  std::int64_t mtime_ns = 0;     // 0 when not seekable
  bool indirect = false;         // names other files (a folder, a list), which may change when it does not
};

// kNotFound, kIo (no permission) or kInvalidArgument (a directory). Opens nothing: a FIFO is not touched.
Result<InputInfo> inspect_input(const std::string& path);

// `interrupted` is polled a few times a second while a pipe has nothing to give; once true, read() is kCancelled.
// A regular file that ends before `info.size_bytes` is kIo: it shrank while it was read.
Result<std::unique_ptr<ByteSource>> open_byte_source(const InputInfo& info, std::function<bool()> interrupted = {});

// Bytes in memory; `chunk_size_bytes` is the most one read() gives (tests and fuzzers cut rows with it).
std::unique_ptr<ByteSource> make_memory_source(std::string bytes, std::size_t chunk_size_bytes = 65536);

}  // namespace asterism
