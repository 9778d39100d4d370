#include "service/iso_date.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>

namespace asterism::service {
namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;

// Takes what it reads off the front of a text.
class DateCursor {
 public:
  explicit DateCursor(std::string_view text) : rest_(text) {}

  bool at_end() const noexcept { return rest_.empty(); }
  bool take(char c) noexcept {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `digit_count` digits of a number that is at most `largest`.
  std::optional<int> number(std::size_t digit_count, int largest) noexcept {
    if (rest_.size() < digit_count) {
      return std::nullopt;
    }
    int out = 0;
    for (const char c : rest_.substr(0, digit_count)) {
      if (c < '0' || c > '9') {
        return std::nullopt;
      }
      out = out * 10 + (c - '0');
    }
    rest_.remove_prefix(digit_count);
    return out <= largest ? std::optional(out) : std::nullopt;
  }
  // Digits after the point of a second, as milliseconds; further ones are cut.
  std::optional<int> fraction_ms() noexcept {
    int out = 0;
    std::size_t digit_count = 0;
    for (; digit_count < rest_.size() && rest_[digit_count] >= '0' && rest_[digit_count] <= '9'; ++digit_count) {
      out = digit_count < 3 ? out * 10 + (rest_[digit_count] - '0') : out;
    }
    rest_.remove_prefix(digit_count);
    for (std::size_t i = digit_count; i < 3; ++i) {
      out *= 10;
    }
    return digit_count == 0 ? std::nullopt : std::optional(out);
  }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> day_ms(DateCursor& cursor) noexcept {
  const auto year = cursor.number(4, 9999);
  if (!year || !cursor.take('-')) {
    return std::nullopt;
  }
  const auto month = cursor.number(2, 12);
  if (!month || !cursor.take('-')) {
    return std::nullopt;
  }
  const auto day = cursor.number(2, 31);
  if (!day) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional(std::chrono::sys_days(date).time_since_epoch().count() * kDayMs) : std::nullopt;
}

// "13:05", "13:05:09", "13:05:09.25"
std::optional<std::int64_t> time_ms(DateCursor& cursor) noexcept {
  const auto hour = cursor.number(2, 23);
  if (!hour || !cursor.take(':')) {
    return std::nullopt;
  }
  const auto minute = cursor.number(2, 59);
  if (!minute) {
    return std::nullopt;
  }
  std::int64_t out = *hour * kHourMs + *minute * kMinuteMs;
  if (!cursor.take(':')) {
    return out;
  }
  const auto second = cursor.number(2, 59);
  if (!second) {
    return std::nullopt;
  }
  out += *second * kSecondMs;
  if (!cursor.take('.')) {
    return out;
  }
  const auto fraction = cursor.fraction_ms();
  return fraction ? std::optional(out + *fraction) : std::nullopt;
}

// "", "Z", "+01:00", "-0530"
std::optional<std::int64_t> zone_ms(DateCursor& cursor) noexcept {
  if (cursor.at_end() || cursor.take('Z')) {
    return 0;
  }
  const bool ahead = cursor.take('+');
  if (!ahead && !cursor.take('-')) {
    return std::nullopt;
  }
  const auto hours = cursor.number(2, 23);
  cursor.take(':');
  const auto minutes = cursor.number(2, 59);
  if (!hours || !minutes) {
    return std::nullopt;
  }
  const std::int64_t offset = *hours * kHourMs + *minutes * kMinuteMs;
  return ahead ? offset : -offset;
}

}  // namespace

std::optional<std::int64_t> parse_iso_date(std::string_view text) noexcept {
  DateCursor cursor(text);
  const auto day = day_ms(cursor);
  if (!day || cursor.at_end()) {
    return day;
  }
  if (!cursor.take('T') && !cursor.take(' ')) {
    return std::nullopt;
  }
  const auto time = time_ms(cursor);
  const auto zone = time ? zone_ms(cursor) : std::nullopt;
  return zone && cursor.at_end() ? std::optional(*day + *time - *zone) : std::nullopt;
}

std::string iso_date(std::int64_t time_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(time_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  std::string out = fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                static_cast<unsigned>(date.day()));
  const std::int64_t rest = (time - day).count();
  if (rest == 0) {
    return out;
  }
  out += fmt::format("T{:02}:{:02}:{:02}", rest / kHourMs, rest / kMinuteMs % 60, rest / kSecondMs % 60);
  return out + (rest % kSecondMs == 0 ? "Z" : fmt::format(".{:03}Z", rest % kSecondMs));
}

}  // namespace asterism::service
