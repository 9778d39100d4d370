// Pictures that clients name by address, where the server's owner allows it: listed hosts only, never an address that
// is not public, both asked again after every redirect and after the name was looked up.
//
// Thread-safety: any thread. Cost: a connection each; waits for the network, so not on a connection's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "asterism/error.hpp"
#include "server/public_address.hpp"

namespace asterism::server {

struct PictureFetcherOptions {
  // "images.example.com", "*.example.com", "localhost:9000"; ports that are not named: 80 and 443. Empty = no fetches.
  std::vector<std::string> hosts = {};
  std::size_t size_bytes_max = std::size_t{20} << 20;
  std::chrono::milliseconds time_max{10'000};
  std::function<bool(std::string_view ip_address)> address_allowed = is_public_address;
};

class PictureFetcher {
 public:
  explicit PictureFetcher(PictureFetcherOptions options) : options_(std::move(options)) {}

  bool enabled() const noexcept { return !options_.hosts.empty(); }
  // The bytes of a file that is there: any other status is an error. kUnsupported when nothing is allowed,
  // kInvalidArgument for what is not allowed, does not answer or is too large.
  Result<std::string> fetch(const std::string& url) const;

 private:
  bool url_allowed(std::string_view url) const;

  PictureFetcherOptions options_;
};

}  // namespace asterism::server
