#include "server/multipart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/ascii_case.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kBoundarySizeMax = 70;  // RFC 2046
constexpr std::size_t kPieceSizeBytes = std::size_t{64} << 10;
constexpr std::size_t kHeadersSizeBytesMax = std::size_t{16} << 10;  // a line of a part's
constexpr std::size_t kHeaderCountMax = 64;

// The value of `name` in "form-data; name=\"a\"; filename=\"b\"", with or without quotes.
std::string parameter(std::string_view header, std::string_view name) {
  const std::string lower = ascii_lower(header);
  const std::string wanted = fmt::format("{}=", name);
  for (std::size_t at = lower.find(wanted); at != std::string::npos; at = lower.find(wanted, at + 1)) {
    if (at > 0 && lower[at - 1] != ' ' && lower[at - 1] != ';' && lower[at - 1] != '\t') {
      continue;
    }
    std::string_view value = header.substr(at + wanted.size());
    if (!value.starts_with('"')) {
      return std::string(value.substr(0, std::min(value.find_first_of("; \t"), value.size())));
    }
    value.remove_prefix(1);
    std::string out;
    for (std::size_t i = 0; i < value.size() && value[i] != '"'; ++i) {
      if (value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == '"' || value[i + 1] == '\\')) {
        ++i;
      }
      out += value[i];
    }
    return out;
  }
  return {};
}

void read_part_header(std::string_view line, MultipartPart& part) {
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string name = ascii_lower(line.substr(0, colon));
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (name == "content-disposition") {
    part.name = parameter(value, "name");
    part.file_name = parameter(value, "filename");
  } else if (name == "content-type") {
    part.content_type = std::string(value);
  }
}

class ViewedBytes final : public ByteSource {
 public:
  explicit ViewedBytes(std::string_view bytes) : left_(bytes) {}
  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min(out.size(), left_.size());
    std::ranges::copy(left_.substr(0, size), out.begin());
    left_.remove_prefix(size);
    return size;
  }
  Result<void> seek(std::uint64_t /*offset*/) override { return fail(ErrorCode::kInternal, "body: it is read once"); }

 private:
  std::string_view left_;
};

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  std::string boundary = parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kBoundarySizeMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("Content-Type: expected a boundary of 1 to {} characters", kBoundarySizeMax));
  }
  return boundary;
}

MultipartReader::MultipartReader(std::unique_ptr<ByteSource> body, std::string_view boundary,
                                 std::size_t part_size_bytes_max)
    : body_(std::move(body)),
      delimiter_(fmt::format("\r\n--{}", boundary)),
      part_size_bytes_max_(part_size_bytes_max),
      buffer_("\r\n") {}  // as if before the body, so that the first delimiter is as the others

std::unexpected<Error> MultipartReader::broken(std::string_view expected) const {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("multipart body, part {}: expected {}", part_count_ + 1, expected));
}

Result<bool> MultipartReader::fill() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPieceSizeBytes);
  const auto size = body_->read(std::span(buffer_).subspan(before));
  buffer_.resize(before + size.value_or(0));
  return size ? Result<bool>(*size > 0) : std::unexpected(size.error());
}

Result<MultipartReader::Found> MultipartReader::take_until(std::string_view mark, std::string& out,
                                                           std::size_t size_bytes_max, bool* over_limit) {
  for (;;) {
    const std::string_view at_hand = std::string_view(buffer_).substr(begin_);
    const std::size_t found = at_hand.find(mark);
    // The end of what is at hand may be the beginning of the mark.
    const std::size_t sure = found != std::string_view::npos ? found
                             : at_hand.size() < mark.size()  ? 0
                                                             : at_hand.size() - mark.size() + 1;
    const bool fits = sure <= size_bytes_max - out.size() && (over_limit == nullptr || !*over_limit);
    if (fits) {
      out.append(at_hand.substr(0, sure));
    } else if (over_limit == nullptr) {
      return Found::kNo;
    } else {
      *over_limit = true;
      std::string().swap(out);
    }
    begin_ += sure;
    if (found != std::string_view::npos) {
      begin_ += mark.size();
      return Found::kYes;
    }
    const auto more = fill();
    if (!more) {
      return std::unexpected(more.error());
    }
    if (!*more) {
      return Found::kNo;
    }
  }
}

// Behind a delimiter: false where it is the last.
Result<bool> MultipartReader::begin_part() {
  while (buffer_.size() - begin_ < 2) {
    const auto more = fill();
    if (!more) {
      return more;
    }
    if (!*more) {
      return broken("headers and an empty line");
    }
  }
  if (!std::string_view(buffer_).substr(begin_).starts_with("--")) {
    return true;
  }
  ended_ = true;
  for (Result<bool> more = true; *more;) {  // what is behind it is nobody's
    buffer_.clear();
    begin_ = 0;
    more = fill();
    if (!more) {
      return more;
    }
  }
  return false;
}

Result<void> MultipartReader::read_headers(MultipartPart& part) {
  // What stands behind the boundary itself, then a line a header, then an empty line.
  for (std::size_t line_count = 0; line_count <= kHeaderCountMax; ++line_count) {
    std::string line;
    const auto whole = take_until("\r\n", line, kHeadersSizeBytesMax, nullptr);
    if (!whole) {
      return std::unexpected(whole.error());
    }
    if (*whole == Found::kNo) {
      break;
    }
    if (line_count > 0 && line.empty()) {
      begin_ -= 2;  // the break may belong to the next delimiter already, where there is no data
      return {};
    }
    if (line_count > 0) {
      read_part_header(line, part);
    }
  }
  return broken("headers and an empty line");
}

Result<std::optional<MultipartPart>> MultipartReader::next() {
  if (ended_) {
    return std::nullopt;
  }
  if (part_count_ == 0) {
    std::string preamble;
    bool dropped = false;
    const auto begun = take_until(delimiter_, preamble, 0, &dropped);
    if (!begun) {
      return std::unexpected(begun.error());
    }
    if (*begun == Found::kNo) {
      return broken("the boundary that Content-Type names");
    }
  }
  const auto more = begin_part();
  if (!more) {
    return std::unexpected(more.error());
  }
  if (!*more) {
    return std::nullopt;
  }
  MultipartPart part;
  if (auto read = read_headers(part); !read) {
    return std::unexpected(std::move(read.error()));
  }
  constexpr std::size_t kLineBreakSize = 2;
  bool too_large = false;
  const auto whole = take_until(delimiter_, part.data, part_size_bytes_max_ + kLineBreakSize, &too_large);
  if (!whole) {
    return std::unexpected(whole.error());
  }
  if (*whole == Found::kNo) {
    return broken("the boundary after its data");
  }
  part.data.erase(0, kLineBreakSize);
  part.data.shrink_to_fit();  // it grew by doubling, and many parts may be held
  if (too_large) {
    part.refused = Error{ErrorCode::kLimitExceeded,
                         fmt::format("multipart body, part {}: expected at most {} bytes, found more", part_count_ + 1,
                                     part_size_bytes_max_),
                         {}};
  }
  ++part_count_;
  return part;
}

Result<std::vector<MultipartPart>> parse_multipart(std::string_view body, std::string_view boundary) {
  MultipartReader reader(std::make_unique<ViewedBytes>(body), boundary, body.size());
  std::vector<MultipartPart> parts;
  for (;;) {
    auto part = reader.next();
    if (!part) {
      return std::unexpected(std::move(part.error()));
    }
    if (!*part) {
      return parts;
    }
    if (parts.size() == kMultipartPartCountMax) {
      return fail(ErrorCode::kLimitExceeded,
                  fmt::format("multipart body: expected at most {} parts", kMultipartPartCountMax));
    }
    parts.push_back(**std::move(part));
  }
}

}  // namespace asterism::server
