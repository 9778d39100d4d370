// A parsed JSON file whose values know where they stand, so that every complaint can name file, place, expectation and
// finding.
//
// simdjson rather than base/json.hpp: a vocabulary is an object of up to a million members, which here costs no
// allocation each. Ownership: values borrow from their document. Thread-safety: one thread.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::tok {

class JsonView {
 public:
  JsonView(simdjson::dom::element value, std::string_view source, std::string path)
      : value_(value), source_(source), path_(std::move(path)) {}

  std::string_view source() const noexcept { return source_; }
  const std::string& path() const noexcept { return path_; }
  // "FILE: normalizer.normalizers[3]"
  std::string place() const;
  bool is_null() const noexcept { return value_.is_null(); }
  bool is_object() const noexcept { return value_.is_object(); }
  bool is_string() const noexcept { return value_.is_string(); }

  Result<std::string_view> as_string() const;
  Result<bool> as_bool() const;
  Result<std::int64_t> as_integer(std::int64_t min, std::int64_t max) const;
  Result<double> as_number() const;
  Result<std::vector<JsonView>> as_array() const;
  Result<std::vector<std::pair<std::string_view, JsonView>>> as_object() const;
  // For arrays and objects too large to make a JsonView of each member.
  const simdjson::dom::element& raw() const noexcept { return value_; }

  // Missing and null are nullopt; a value that is not an object is an error.
  Result<std::optional<JsonView>> find(std::string_view key) const;
  Result<JsonView> get(std::string_view key) const;
  Result<std::string_view> get_string(std::string_view key) const;
  Result<bool> get_bool(std::string_view key) const;
  Result<std::int64_t> get_integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  Result<std::vector<JsonView>> get_array(std::string_view key) const;
  Result<std::optional<bool>> find_bool(std::string_view key) const;

  // kUnsupported naming every key outside `known`.
  Result<void> expect_only(std::initializer_list<std::string_view> known) const;
  // kCorrupt: expected `expected`, found this value.
  std::unexpected<Error> wrong(std::string_view expected) const;
  // kUnsupported, likewise.
  std::unexpected<Error> unsupported(std::string_view supported) const;

 private:
  std::string found() const;
  JsonView child(simdjson::dom::element value, std::string_view key) const;

  simdjson::dom::element value_;
  std::string_view source_;
  std::string path_;
};

class JsonDocument {
 public:
  static Result<JsonDocument> parse(std::string_view text, std::string_view source);
  JsonView root() const { return {root_, source_, {}}; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;
  std::string source_;
};

}  // namespace asterism::tok
