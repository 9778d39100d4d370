#include "server/content_coding.hpp"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/ascii_case.hpp"
#include "dataset/gzip_source.hpp"
#include "weights/gzip_bytes.hpp"

namespace asterism::server {
namespace {

// Codings one after the other that one body may have.
constexpr std::size_t kCodingCountMax = 3;
constexpr int kGzipHeader = 16;  // of zlib's window bits
constexpr std::size_t kPieceSizeBytes = std::size_t{64} << 10;
constexpr int kWindowLogMax = 23;  // of zstd: 8 MiB, as RFC 8878 asks of HTTP

std::unexpected<Error> too_large(std::size_t size_bytes_max) {
  return fail(ErrorCode::kLimitExceeded, fmt::format("body: expected at most {} bytes once decoded", size_bytes_max));
}

std::unexpected<Error> broken(std::string_view coding) {
  return fail(ErrorCode::kCorrupt, fmt::format("body: expected a whole {} stream as Content-Encoding says", coding));
}

Result<std::string> inflate_body(DeflateForm form, std::string_view body, std::string_view name, std::size_t size_max) {
  if (body.empty()) {
    return broken(name);
  }
  auto out = inflate_all(form, std::as_bytes(std::span(body)), size_max, "body");
  if (!out && out.error().code == ErrorCode::kLimitExceeded) {
    return too_large(size_max);
  }
  return out || out.error().code == ErrorCode::kInternal ? out : broken(name);
}

Result<std::string> inflate_deflate(std::string_view body, std::size_t size_max) {
  // "deflate" is a zlib stream by the standard, and a bare one by the habit of some clients.
  auto out = inflate_body(DeflateForm::kZlib, body, "deflate", size_max);
  return out || out.error().code == ErrorCode::kLimitExceeded
             ? out
             : inflate_body(DeflateForm::kRaw, body, "deflate", size_max);
}

Result<std::string> zstd_decode(std::string_view body, std::size_t size_max) {
  const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  if (!stream) {
    return fail(ErrorCode::kInternal, "zstd: no memory to decode a body");
  }
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  std::string out;
  std::vector<char> piece(kPieceSizeBytes);
  ZSTD_inBuffer input{body.data(), body.size(), 0};
  std::size_t wanted = 1;
  while (input.pos < input.size || wanted != 0) {
    ZSTD_outBuffer output{piece.data(), piece.size(), 0};
    const std::size_t before = input.pos;
    wanted = ZSTD_decompressStream(stream.get(), &output, &input);
    if (ZSTD_isError(wanted) != 0U || (wanted != 0 && input.pos == before && output.pos == 0)) {
      return broken("zstd");
    }
    if (out.size() + output.pos > size_max) {
      return too_large(size_max);
    }
    out.append(piece.data(), output.pos);
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (const auto name = trimmed(list.substr(0, end)); !name.empty()) {
      out.push_back(ascii_lower(name));
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)), input_(kPieceSizeBytes) {
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }

  Result<std::size_t> read(std::span<char> out) override {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos == 0 && !out.empty()) {
      if (view_.pos == view_.size) {
        const auto size = packed_->read(input_);
        if (!size) {
          return size;
        }
        if (*size == 0) {
          return wanted_ == 0 ? Result<std::size_t>(0) : broken("zstd");
        }
        view_ = {input_.data(), *size, 0};
      }
      wanted_ = ZSTD_decompressStream(stream_.get(), &output, &view_);
      if (ZSTD_isError(wanted_) != 0U) {
        return broken("zstd");
      }
    }
    return output.pos;
  }
  Result<void> seek(std::uint64_t /*offset*/) override {
    return fail(ErrorCode::kInternal, "zstd: a body is read once, while it arrives");
  }

 private:
  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_{ZSTD_createDStream(), ZSTD_freeDStream};
  std::vector<char> input_;
  ZSTD_inBuffer view_{nullptr, 0, 0};
  std::size_t wanted_ = 1;  // 0 at the end of a frame
};

// In the order in which they were applied; "identity" is none.
Result<std::vector<std::string>> codings_of(std::string_view list) {
  auto codings = split_list(list);
  std::erase(codings, "identity");
  if (codings.size() > kCodingCountMax) {
    return fail(ErrorCode::kUnsupported, fmt::format("Content-Encoding: expected at most {} codings, found {}",
                                                     kCodingCountMax, codings.size()));
  }
  return codings;
}

Result<std::string> decode_one(std::string_view body, const std::string& coding, std::size_t size_max) {
  if (coding == "gzip" || coding == "x-gzip") {
    return inflate_body(DeflateForm::kGzip, body, "gzip", size_max);
  }
  if (coding == "deflate") {
    return inflate_deflate(body, size_max);
  }
  if (coding == "zstd") {
    return zstd_decode(body, size_max);
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("Content-Encoding: expected gzip, deflate, zstd or identity, found \"{}\"", coding));
}

}  // namespace

Result<std::string> decode_content(std::string_view body, std::string_view coding, std::size_t size_bytes_max) {
  const auto codings = codings_of(coding);
  if (!codings) {
    return std::unexpected(codings.error());
  }
  std::string out(body);
  for (auto name = codings->rbegin(); name != codings->rend(); ++name) {
    auto decoded = decode_one(out, *name, size_bytes_max);
    if (!decoded) {
      return decoded;
    }
    out = *std::move(decoded);
  }
  return out;
}

Result<std::unique_ptr<ByteSource>> make_decoded_source(std::unique_ptr<ByteSource> body, std::string_view coding) {
  const auto codings = codings_of(coding);
  if (!codings) {
    return std::unexpected(codings.error());
  }
  for (auto name = codings->rbegin(); name != codings->rend(); ++name) {
    if (*name == "gzip" || *name == "x-gzip") {
      body = make_gzip_source(std::move(body), "body");
    } else if (*name == "zstd") {
      body = std::make_unique<ZstdSource>(std::move(body));
    } else {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("Content-Encoding: expected gzip, zstd or identity of a file, found \"{}\"", *name));
    }
  }
  return body;
}

std::string_view choose_coding(std::string_view accepted) {
  bool gzip = false;
  for (const std::string& entry : split_list(accepted)) {
    const std::string_view name = trimmed(std::string_view(entry).substr(0, std::min(entry.find(';'), entry.size())));
    const bool refused = entry.ends_with(";q=0") || entry.ends_with("; q=0") || entry.ends_with(";q=0.0");
    if (name == "zstd" && !refused) {
      return "zstd";
    }
    gzip = gzip || (name == "gzip" && !refused);
  }
  return gzip ? "gzip" : "";
}

Result<std::string> encode_content(std::string_view body, std::string_view coding) {
  if (coding == "zstd") {
    std::string out(ZSTD_compressBound(body.size()), '\0');
    const std::size_t size = ZSTD_compress(out.data(), out.size(), body.data(), body.size(), 1);
    if (ZSTD_isError(size) != 0U) {
      return fail(ErrorCode::kInternal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
    }
    out.resize(size);
    return out;
  }
  z_stream stream{};
  if (body.size() > std::numeric_limits<uInt>::max() ||
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzipHeader, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::kInternal, "zlib: a body that cannot be compressed");
  }
  const std::unique_ptr<z_stream, int (*)(z_streamp)> guard(&stream, deflateEnd);
  std::vector<Bytef> input(body.begin(), body.end());
  std::vector<Bytef> output(deflateBound(&stream, static_cast<uLong>(body.size())));
  stream.next_in = input.data();
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
    return fail(ErrorCode::kInternal, "zlib: a body that cannot be compressed");
  }
  return std::string(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(stream.total_out));
}

}  // namespace asterism::server
