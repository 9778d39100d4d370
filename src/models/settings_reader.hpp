// Settings of a recipe's section, read key by key; whatever was not asked for is an error that names the nearest key.
//
// The first error sticks, as in GraphBuilder, and done() gives it. Ownership: borrows the object. Thread-safety: one
// thread. Cost: an edit distance to each known key, only where a key is unknown.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"

namespace asterism {

struct IntegerRule {
  std::string_view key;
  std::int64_t missing = 0;
  std::int64_t low = 0;
  std::int64_t high = 0;
};

struct RealRule {
  std::string_view key;
  double missing = 0.0;
  double low = 0.0;
  double high = 0.0;
};

struct WordRule {
  std::string_view key;
  std::string_view missing;
  std::initializer_list<std::string_view> known;
};

// An array of integers, each in [low, high]; `count` of them, or any number from 1 where it is 0.
struct IntegersRule {
  std::string_view key;
  std::vector<std::int64_t> missing;
  std::int64_t low = 1;
  std::int64_t high = 0;
  std::size_t count = 0;
};

// What names single keys in errors: "recipe.toml:12: [model]".
using SettingsPlaces = std::map<std::string, std::string, std::less<>>;

class SettingsReader {
 public:
  // `source` names the section in errors: "recipe.toml: [model]"; keys that `places` knows are named by theirs instead.
  SettingsReader(const Json& settings, std::string source, SettingsPlaces places = {});

  std::int64_t integer(const IntegerRule& rule);
  double real(const RealRule& rule);
  std::string word(const WordRule& rule);
  bool flag(std::string_view key, bool missing);
  std::vector<std::int64_t> integers(IntegersRule rule);
  // The member as it is, for what has several forms; null where it is missing.
  const Json* any(std::string_view key);
  // Keys that somebody else reads.
  void allow(std::initializer_list<std::string_view> keys);
  // A finding about settings that do not go together; kInvalidArgument.
  void refuse(std::string message, std::string hint = "");

  const std::string& source() const noexcept { return source_; }
  // kInvalidArgument: the first value of another type or outside its range, or the first unknown key with the nearest
  // known one.
  Result<void> done() const;

 private:
  void expected(std::string_view key, std::string_view what);
  const std::string& place_of(std::string_view key) const;

  const Json& settings_;
  std::string source_;
  SettingsPlaces places_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace asterism
