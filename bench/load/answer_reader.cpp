#include "load/answer_reader.hpp"

#include <charconv>
#include <limits>

#include "base/ascii_case.hpp"

namespace asterism::load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kStatusBegin = std::string_view("HTTP/1.1 ").size();
constexpr std::size_t kStatusSize = 3;
constexpr int kHexadecimal = 16;

template <typename T>
bool read_number(std::string_view text, T& value, int base = 10) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return read.ec == std::errc() && read.ptr != text.data();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

}  // namespace

void AnswerReader::reset() {
  bytes_.clear();
  joined_.clear();
  body_begin_ = body_size_ = chunk_begin_ = 0;
  chunked_ = false;
  keeps_alive_ = true;
  status_ = 0;
}

std::string_view AnswerReader::body() const noexcept {
  return chunked_ ? std::string_view(joined_) : std::string_view(bytes_).substr(body_begin_, body_size_);
}

AnswerState AnswerReader::take(std::string_view bytes) {
  bytes_ += bytes;
  if (body_begin_ == 0) {
    if (const AnswerState head = read_head(); head != AnswerState::kWhole) {
      return head;
    }
  }
  if (chunked_) {
    return read_chunks();
  }
  const std::size_t end = body_begin_ + body_size_;
  return bytes_.size() < end ? AnswerState::kPartial
                             : (bytes_.size() == end ? AnswerState::kWhole : AnswerState::kBroken);
}

AnswerState AnswerReader::read_head() {
  const std::size_t end = bytes_.find(kHeadEnd);
  if (end == std::string::npos) {
    return AnswerState::kPartial;
  }
  const std::string_view head = std::string_view(bytes_).substr(0, end);
  if (!head.starts_with("HTTP/1.") || head.size() < kStatusBegin + kStatusSize ||
      !read_number(head.substr(kStatusBegin, kStatusSize), status_)) {
    return AnswerState::kBroken;
  }
  bool has_length = false;
  for (std::size_t line = head.find(kLineEnd); line != std::string_view::npos; line = head.find(kLineEnd, line)) {
    line += kLineEnd.size();
    const std::string_view header = head.substr(line, head.find(kLineEnd, line) - line);
    const std::size_t colon = header.find(':');
    if (colon == std::string_view::npos) {
      return AnswerState::kBroken;
    }
    const std::string_view name = header.substr(0, colon);
    const std::string_view value = trimmed(header.substr(colon + 1));
    if (equals_ignoring_case(name, "content-length")) {
      has_length = read_number(value, body_size_);
    } else if (equals_ignoring_case(name, "transfer-encoding")) {
      chunked_ = equals_ignoring_case(value, "chunked");
    } else if (equals_ignoring_case(name, "connection")) {
      keeps_alive_ = !equals_ignoring_case(value, "close");
    }
  }
  if (!chunked_ && !has_length) {
    return AnswerState::kBroken;
  }
  body_begin_ = chunk_begin_ = end + kHeadEnd.size();
  return AnswerState::kWhole;
}

AnswerState AnswerReader::read_chunks() {
  for (;;) {
    const std::size_t line_end = bytes_.find(kLineEnd, chunk_begin_);
    if (line_end == std::string::npos) {
      return AnswerState::kPartial;
    }
    std::size_t size = 0;
    if (!read_number(std::string_view(bytes_).substr(chunk_begin_, line_end - chunk_begin_), size, kHexadecimal) ||
        size > std::numeric_limits<std::uint32_t>::max()) {
      return AnswerState::kBroken;
    }
    const std::size_t begin = line_end + kLineEnd.size();
    const std::size_t end = begin + size + kLineEnd.size();
    if (bytes_.size() < end) {
      return AnswerState::kPartial;
    }
    if (std::string_view(bytes_).substr(begin + size, kLineEnd.size()) != kLineEnd) {
      return AnswerState::kBroken;
    }
    if (size == 0) {
      return bytes_.size() == end ? AnswerState::kWhole : AnswerState::kBroken;
    }
    joined_.append(bytes_, begin, size);
    chunk_begin_ = end;
  }
}

std::size_t count_vectors(std::string_view json, std::size_t dim) {
  std::size_t count = 0;
  std::size_t commas = 0;
  std::size_t begin = std::string_view::npos;  // of the array that may be an innermost one
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char character = json[i];
    if (in_text) {
      i += character == '\\' ? 1 : 0;
      in_text = character != '"';
    } else if (character == ',') {
      ++commas;
    } else if (character == '"') {
      in_text = true;
    } else if (character == '[') {
      begin = i;
      commas = 0;
    } else if (character == ']') {
      count += begin != std::string_view::npos && i > begin + 1 && commas + 1 == dim ? 1 : 0;
      begin = std::string_view::npos;
    }
  }
  return count;
}

}  // namespace asterism::load
