// One section of a recipe, read key by key: types and ranges are checked, what was not asked for is an error, and each
// value that holds is noted.
//
// The first error sticks, so that reading a section is a list of keys; finish() gives it. Errors name the file and
// line, or the override, that a value stands in. Ownership: borrows the table. Thread-safety: one thread. Internal to
// the module.
#pragma once

#include <fmt/format.h>

#include <toml++/toml.h>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "asterism/error.hpp"
#include "base/json.hpp"
#include "models/settings_reader.hpp"

namespace asterism {

template <typename T>
struct RecipeRange {
  T low{};
  T high{};
};

template <typename T>
struct RecipeWord {
  std::string_view word;
  T value{};
};

// "FILE:12", or "override 'training.epochs=x'" for a node that came from one.
std::string recipe_place(const toml::node& node, std::string_view file);
// Nearest of `known` to a word that is not among them; empty where none is near.
std::string nearest_key(std::string_view word, std::span<const std::string> known);
// Tables, arrays, texts, numbers and booleans; nothing for a date or a time.
std::optional<Json> toml_to_json(const toml::node& node);

class RecipeSection {
 public:
  // `name` empty: the top of the file. `file` names it in errors.
  RecipeSection(const toml::table& root, std::string_view name, std::string_view file);

  bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }

  template <typename T>
  void integer(std::string_view key, T& value, const RecipeRange<std::type_identity_t<T>>& range) {
    std::int64_t wide = static_cast<std::int64_t>(value);
    integer64(key, wide, {static_cast<std::int64_t>(range.low), static_cast<std::int64_t>(range.high)});
    value = static_cast<T>(wide);
  }
  void real(std::string_view key, double& value, const RecipeRange<double>& range);
  void flag(std::string_view key, bool& value);
  void text(std::string_view key, std::string& value);
  void texts(std::string_view key, std::vector<std::string>& value);
  // Each in `range`.
  void reals(std::string_view key, std::vector<double>& value, const RecipeRange<double>& range);

  template <typename T>
  void word(std::string_view key, T& value, std::span<const RecipeWord<std::type_identity_t<T>>> words) {
    std::vector<std::string> known;
    std::string found;
    for (const auto& choice : words) {
      known.emplace_back(choice.word);
      if (choice.value == value) {
        found = choice.word;
      }
    }
    one_of(key, found, known);
    for (const auto& choice : words) {
      if (choice.word == found) {
        value = choice.value;
      }
    }
  }

  // Members that are sections of their own, read elsewhere.
  void expect_sections(std::span<const std::string_view> names);
  // A key that must be there.
  void require(std::string_view key, std::string_view what);
  // A finding about the value of `key`, or about the section where `key` is empty.
  void refuse(std::string_view key, std::string_view what, std::string_view hint = {});
  // Keys that were not asked for, as they are, for who knows them. Later finish() finds none unknown.
  Json rest();
  // Where each of these stands: "FILE:12: [model]".
  const SettingsPlaces& places() const noexcept { return places_; }

  // kInvalidArgument with the first fault, or with the first unknown key.
  Result<void> finish();
  // Every key with the value that holds.
  const Json& settings() const noexcept { return settings_; }

 private:
  const toml::node* find(std::string_view key);
  std::string full_key(std::string_view key) const;
  void integer64(std::string_view key, std::int64_t& value, const RecipeRange<std::int64_t>& range);
  void one_of(std::string_view key, std::string& value, const std::vector<std::string>& known);
  void expected(std::string_view key, std::string_view what);
  bool real_of(const toml::node& node, double& value) const;
  template <typename T>
  void note(std::string_view key, const T& value) {
    settings_[std::string(key)] = value;
  }

  const toml::table* table_ = nullptr;
  std::string name_;
  std::string file_;
  std::vector<std::string> known_;
  Json settings_ = Json::object();
  SettingsPlaces places_;
  std::optional<Error> error_;
};

}  // namespace asterism
