#include "train/event_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "base/system_error.hpp"

namespace asterism {
namespace {

// Field numbers of Event, Summary, Summary.Value, Summary.Image and SessionLog.
constexpr std::uint32_t kEventWallTime = 1;
constexpr std::uint32_t kEventStep = 2;
constexpr std::uint32_t kEventFileVersion = 3;
constexpr std::uint32_t kEventSummary = 5;
constexpr std::uint32_t kEventSessionLog = 7;
constexpr std::uint32_t kSummaryValue = 1;
constexpr std::uint32_t kValueTag = 1;
constexpr std::uint32_t kValueSimple = 2;
constexpr std::uint32_t kValueImage = 4;
constexpr std::uint32_t kImageHeight = 1;
constexpr std::uint32_t kImageWidth = 2;
constexpr std::uint32_t kImageColorspace = 3;
constexpr std::uint32_t kImageFile = 4;
constexpr std::uint32_t kSessionStatus = 1;
constexpr std::uint64_t kSessionStart = 1;
constexpr std::uint64_t kColorspaceRgb = 3;

// Wire types of protocol buffers.
constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kFixed32 = 5;

template <typename T>
std::string little_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  while (value >= 0x80U) {
    bytes += static_cast<char>(value | 0x80U);
    value >>= 7U;
  }
  return bytes + static_cast<char>(value);
}

std::string key(std::uint32_t field, std::uint32_t wire) {
  return varint(field << 3U | wire);
}
std::string number(std::uint32_t field, std::uint64_t value) {
  return key(field, kVarint) + varint(value);
}
std::string bytes(std::uint32_t field, std::string_view value) {
  return key(field, kBytes) + varint(value.size()) + std::string(value);
}

std::string event(std::int64_t step, const std::string& what) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return key(kEventWallTime, kFixed64) + little_endian(now.count()) +
         number(kEventStep, static_cast<std::uint64_t>(step)) + what;
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? value >> 1U ^ 0x82F63B78U : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

// Rotated and shifted, so that the checksum of data that holds checksums is no special value.
std::uint32_t masked_crc(std::string_view data) {
  return std::rotr(crc32c(data), 15) + 0xA282EAD8U;
}

constexpr std::string_view kNamePrefix = "events.out.tfevents.";

void remove_event_files(const std::filesystem::path& folder) {
  std::error_code code;
  std::vector<std::filesystem::path> old;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kNamePrefix) && name.find(".asterism.") != std::string::npos) {
      old.push_back(entry.path());
    }
  }
  for (const auto& path : old) {
    std::filesystem::remove(path, code);
  }
}

}  // namespace

std::uint32_t crc32c(std::string_view data) noexcept {
  std::uint32_t crc = ~0U;
  for (const char c : data) {
    crc = crc >> 8U ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  }
  return ~crc;
}

Result<EventFile> EventFile::create(const std::filesystem::path& folder, std::int64_t step) {
  if (step == 0) {
    remove_event_files(folder);
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  // Two sessions may start within one second: the first free name.
  for (int number_of_try = 0;; ++number_of_try) {
    const auto path = folder / fmt::format("{}{:010}.asterism.{:03}", kNamePrefix, seconds, number_of_try);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST && number_of_try < 999) {
      continue;
    }
    if (fd < 0) {
      return system_failure(fmt::format("{}: cannot make", path.string()), errno);
    }
    EventFile made(fd, path);
    auto written = made.record(event(0, bytes(kEventFileVersion, "brain.Event:2")));
    if (written && step > 0) {
      written = made.record(event(step + 1, bytes(kEventSessionLog, number(kSessionStatus, kSessionStart))));
    }
    if (!written) {
      return std::unexpected(written.error());
    }
    return made;
  }
}

EventFile::EventFile(EventFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

EventFile::~EventFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<void> EventFile::record(std::string_view message) {
  const std::string length = little_endian(static_cast<std::uint64_t>(message.size()));
  const std::string framed =
      length + little_endian(masked_crc(length)) + std::string(message) + little_endian(masked_crc(message));
  std::string_view rest = framed;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) {
      return system_failure(fmt::format("{}: cannot write", path_.string()), errno);
    }
    rest.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> EventFile::scalars(std::int64_t step, const std::map<std::string, double, std::less<>>& values) {
  std::string summary;
  for (const auto& [name, value] : values) {
    summary += bytes(kSummaryValue,
                     bytes(kValueTag, name) + key(kValueSimple, kFixed32) + little_endian(static_cast<float>(value)));
  }
  return record(event(step, bytes(kEventSummary, summary)));
}

Result<void> EventFile::picture(std::int64_t step, const EventPicture& picture) {
  const std::string image = number(kImageHeight, static_cast<std::uint64_t>(picture.height)) +
                            number(kImageWidth, static_cast<std::uint64_t>(picture.width)) +
                            number(kImageColorspace, kColorspaceRgb) + bytes(kImageFile, picture.file);
  return record(event(
      step, bytes(kEventSummary, bytes(kSummaryValue, bytes(kValueTag, picture.tag) + bytes(kValueImage, image)))));
}

}  // namespace asterism
