// Who may ask for what: keys with scopes and rates.
//
// Thread-safety: any thread. Cost: every key is compared in constant time, so that time says nothing about a guess.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"

namespace asterism::server {

// Each holds those before it.
enum class Scope : std::uint8_t {
  kOpen,   // no key: health, metrics, the documentation
  kRead,   // embedding, searching
  kWrite,  // items of collections
  kAdmin,  // collections as a whole
};

struct ApiKey {
  std::string name;  // in logs, in place of the key
  std::string secret;
  Scope scope = Scope::kAdmin;
  double rate_max = 0.0;  // requests a second; 0 = no limit. Bursts of two seconds pass
};

// A file of lines "NAME SCOPE KEY [RATE]"; scope: read, write or admin. Empty lines and those with # are left out.
Result<std::vector<ApiKey>> read_api_keys(const std::filesystem::path& path);

enum class Access : std::uint8_t { kGranted, kUnknownKey, kScopeTooSmall, kRateExceeded };

class ApiKeys {
 public:
  // Without keys everything is granted.
  explicit ApiKeys(std::vector<ApiKey> keys);
  ApiKeys(ApiKeys&&) noexcept;
  ~ApiKeys();

  struct Verdict {
    Access access = Access::kGranted;
    std::string_view key_name = {};  // of the key that fits
  };
  // `authorization` as in the header: "Bearer KEY".
  Verdict check(std::string_view authorization, Scope needed, std::chrono::steady_clock::time_point now);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asterism::server
