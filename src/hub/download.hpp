// Requests that survive a bad network: retries with growing pauses, files that continue where they stopped.
//
// Thread-safety: one thread per client. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hub/digest.hpp"
#include "hub/http.hpp"

namespace asterism {

// Largest file accepted when the server does not say how large it is.
inline constexpr std::uint64_t kUnknownSizeBytesMax = std::uint64_t{64} << 20U;
// Largest answer read into memory: a model's listing, a package's index page.
inline constexpr std::size_t kAnswerSizeBytesMax = std::size_t{64} << 20U;

struct HttpAnswer {
  HttpHead head;
  std::string body;  // of statuses 200 and 206
};

// Answers of a server that is busy or broken (408, 429, 5xx) and dropped connections are tried again; any other status
// is returned as it is. kLimitExceeded for a body past kAnswerSizeBytesMax.
Result<HttpAnswer> request_with_retry(HttpClient& client, const HubOptions& options, const HttpRequest& request);

struct DownloadRequest {
  HttpRequest http;
  std::filesystem::path partial;            // grows, survives failures, is continued by the next try
  std::optional<std::uint64_t> size_bytes;  // when known
  std::string label;                        // for people: "model.safetensors"
};

// Completes `partial`, checks it against `digest` and renames it to `target`. A file that was put together from pieces
// and does not match is fetched once more from its start. On failure `target` is not touched, and `partial` is kept
// unless its bytes were wrong. The caller holds the lock for `partial`.
Result<void> download_file(HttpClient& client, const HubOptions& options, const DownloadRequest& request,
                           const Digest& digest, const std::filesystem::path& target);

}  // namespace asterism
