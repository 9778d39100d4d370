#include "hub/curl_library.hpp"

#include <fmt/format.h>

#include <optional>

#include "base/shared_library.hpp"

namespace asterism {
namespace {

constexpr const char* kFileName = "libcurl.so.4";
constexpr const char* kHint = "install libcurl 7.85 or newer (Debian: apt install libcurl4)";

// Collects the functions; the first that is missing sticks.
class Loader {
 public:
  explicit Loader(const SharedLibrary& library) : library_(library) {}

  template <typename Function>
  void take(Function& function, const char* name) {
    auto found = library_.symbol<Function>(name);
    if (found) {
      function = *found;
    } else if (!error_) {
      error_ = found.error();
    }
  }
  const std::optional<Error>& error() const noexcept { return error_; }

 private:
  const SharedLibrary& library_;
  std::optional<Error> error_;
};

Result<CurlLibrary> load() {
  const auto library = SharedLibrary::open(kFileName, kHint);
  if (!library) {
    return std::unexpected(library.error());
  }
  CurlLibrary curl;
  Loader loader(*library);
  loader.take(curl.global_init, "curl_global_init");
  loader.take(curl.easy_init, "curl_easy_init");
  loader.take(curl.easy_reset, "curl_easy_reset");
  loader.take(curl.easy_setopt, "curl_easy_setopt");
  loader.take(curl.easy_perform, "curl_easy_perform");
  loader.take(curl.easy_getinfo, "curl_easy_getinfo");
  loader.take(curl.easy_strerror, "curl_easy_strerror");
  loader.take(curl.easy_cleanup, "curl_easy_cleanup");
  loader.take(curl.slist_append, "curl_slist_append");
  loader.take(curl.slist_free_all, "curl_slist_free_all");
  loader.take(curl.url, "curl_url");
  loader.take(curl.url_set, "curl_url_set");
  loader.take(curl.url_get, "curl_url_get");
  loader.take(curl.url_cleanup, "curl_url_cleanup");
  loader.take(curl.free_string, "curl_free");
  if (loader.error()) {
    return std::unexpected(*loader.error());
  }
  if (const CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return fail(ErrorCode::kInternal,
                fmt::format("{}: could not be initialised: {}", kFileName, curl.easy_strerror(code)));
  }
  return curl;
}

}  // namespace

const Result<CurlLibrary>& curl_library() {
  static const Result<CurlLibrary> library = load();
  return library;
}

}  // namespace asterism
