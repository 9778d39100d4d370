#include "server/api_keys.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/ascii_case.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"

namespace asterism::server {
namespace {

constexpr std::size_t kKeyFileSizeBytesMax = std::size_t{1} << 20;
constexpr std::size_t kKeySizeMin = 8;
constexpr double kBurstSeconds = 2.0;

std::optional<Scope> scope_of(std::string_view name) {
  if (name == "read") {
    return Scope::kRead;
  }
  if (name == "write") {
    return Scope::kWrite;
  }
  return name == "admin" ? std::optional(Scope::kAdmin) : std::nullopt;
}

// Digests have one length, so that comparing them says nothing about the key's.
std::string digest(std::string_view secret) {
  return sha256_hex(std::as_bytes(std::span(secret)));
}

struct Bucket {
  double tokens = 0.0;
  std::chrono::steady_clock::time_point filled = {};
};

}  // namespace

Result<std::vector<ApiKey>> read_api_keys(const std::filesystem::path& path) {
  const auto text = read_file(path, kKeyFileSizeBytesMax);
  if (!text) {
    return std::unexpected(text.error());
  }
  std::vector<ApiKey> keys;
  std::istringstream lines(*text);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    ApiKey key;
    std::string scope;
    if (!(words >> key.name)) {
      continue;
    }
    words >> scope >> key.secret;
    const auto known = scope_of(scope);
    if (!known || key.secret.size() < kKeySizeMin) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}:{}: expected NAME, read, write or admin, and a key of at least {} characters",
                              path.string(), number, kKeySizeMin));
    }
    key.scope = *known;
    if (std::string rate; words >> rate) {
      const auto parsed = std::from_chars(rate.data(), rate.data() + rate.size(), key.rate_max);
      if (parsed.ec != std::errc() || parsed.ptr != rate.data() + rate.size() || !(key.rate_max > 0)) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("{}:{}: expected a rate of requests a second, found \"{}\"", path.string(), number, rate));
      }
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected at least one key, found none", path.string()),
                "a line is NAME SCOPE KEY; without --api-key-file nobody needs a key");
  }
  return keys;
}

struct ApiKeys::Impl {
  std::vector<ApiKey> keys;
  std::vector<std::string> digests;
  std::mutex mutex;
  std::vector<Bucket> buckets;

  bool take_token(std::size_t index, std::chrono::steady_clock::time_point now) {
    const double rate = keys[index].rate_max;
    if (rate <= 0.0) {
      return true;
    }
    const std::scoped_lock lock(mutex);
    Bucket& bucket = buckets[index];
    const double burst = std::max(1.0, rate * kBurstSeconds);
    const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.tokens = bucket.filled == std::chrono::steady_clock::time_point{}
                        ? burst
                        : std::min(burst, bucket.tokens + seconds * rate);
    bucket.filled = now;
    if (bucket.tokens < 1.0) {
      return false;
    }
    bucket.tokens -= 1.0;
    return true;
  }
};

ApiKeys::ApiKeys(std::vector<ApiKey> keys) : impl_(std::make_unique<Impl>()) {
  impl_->keys = std::move(keys);
  for (ApiKey& key : impl_->keys) {
    impl_->digests.push_back(digest(key.secret));
    key.secret.clear();
  }
  impl_->buckets.resize(impl_->keys.size());
}
ApiKeys::ApiKeys(ApiKeys&&) noexcept = default;
ApiKeys::~ApiKeys() = default;

ApiKeys::Verdict ApiKeys::check(std::string_view authorization, Scope needed,
                                std::chrono::steady_clock::time_point now) {
  if (impl_->keys.empty() || needed == Scope::kOpen) {
    return {};
  }
  constexpr std::string_view kBearer = "bearer ";
  const bool bearer =
      authorization.size() > kBearer.size() && equals_ignoring_case(authorization.substr(0, kBearer.size()), kBearer);
  const std::string given = digest(bearer ? authorization.substr(kBearer.size()) : std::string_view());
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < impl_->digests.size(); ++i) {
    if (CRYPTO_memcmp(impl_->digests[i].data(), given.data(), given.size()) == 0) {
      found = i;
    }
  }
  if (!found || !bearer) {
    return {.access = Access::kUnknownKey};
  }
  const ApiKey& key = impl_->keys[*found];
  if (key.scope < needed) {
    return {.access = Access::kScopeTooSmall, .key_name = key.name};
  }
  return {.access = impl_->take_token(*found, now) ? Access::kGranted : Access::kRateExceeded, .key_name = key.name};
}

}  // namespace asterism::server
