// Deflated bytes unpacked as they come: gzip (RFC 1952, member after member), zlib (RFC 1950) and bare deflate
// (RFC 1951). The one loop around zlib that reads streams; what a damaged, cut or padded stream is, is decided here.
//
// Ownership: holds zlib's state (about 44 KB) and nothing of what it is given. Thread-safety: one thread at a time.
// Cost: one pass; memory does not grow with the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "asterism/error.hpp"

namespace asterism {

enum class DeflateForm : std::uint8_t { kGzip, kZlib, kRaw };

class Inflater {
 public:
  // `name` stands in errors.
  Inflater(DeflateForm form, std::string name);
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  struct Step {
    std::size_t read_size_bytes = 0;     // of `packed`
    std::size_t written_size_bytes = 0;  // of `out`
  };
  // Goes on until `packed` is used up or `out` is full; both may be of any size. What came before damage is given
  // first, the error by the next call: kCorrupt, and from there on the same. Behind the last member of gzip zeros are
  // padding, as of tapes; anything else there is damage, and so is whatever follows the other forms.
  Result<Step> step(std::span<const std::byte> packed, std::span<std::byte> out);
  // Where the packed bytes end: kCorrupt inside a stream, which is cut short then. Nothing at all is an empty stream.
  Result<void> finish() const;
  // From the beginning.
  void restart();

  std::uint64_t unpacked_size_bytes() const noexcept { return unpacked_size_bytes_; }

 private:
  struct State;
  // Between two streams: how many bytes are padding.
  Result<std::size_t> skip_padding(std::span<const std::byte> packed);
  Error damage(std::string_view what) const;

  std::unique_ptr<State> state_;
  DeflateForm form_;
  std::string name_;
  std::uint64_t unpacked_size_bytes_ = 0;
  std::uint64_t stream_count_ = 0;  // that have ended
  bool inside_ = false;             // a stream
  bool padded_ = false;             // zeros have come
  std::optional<Error> error_;
};

}  // namespace asterism
