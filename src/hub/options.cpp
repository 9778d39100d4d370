#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <initializer_list>

#include "base/file.hpp"
#include "hub/hub.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

// A token is a short word; a longer file is something else.
constexpr std::size_t kTokenFileSizeBytesMax = 4096;

// The first of these variables that is set and not empty.
std::string variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      return value;
    }
  }
  return {};
}

bool is_true(std::string value) {
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

fs::path home_folder() {
  const std::string home = variable({"HOME"});
  return home.empty() ? fs::path("/") : fs::path(home);
}

fs::path expand_home(const std::string& path) {
  if (path == "~" || path.starts_with("~/")) {
    return home_folder() / path.substr(std::min<std::size_t>(2, path.size()));
  }
  return path;
}

fs::path path_variable(std::initializer_list<const char*> names, const fs::path& otherwise) {
  const std::string value = variable(names);
  return value.empty() ? otherwise : expand_home(value);
}

std::string trimmed(std::string text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::ranges::find_if_not(text, blank));
  while (!text.empty() && blank(static_cast<unsigned char>(text.back()))) {
    text.pop_back();
  }
  return text;
}

std::string without_trailing_slashes(std::string url) {
  while (url.ends_with('/')) {
    url.pop_back();
  }
  return url;
}

std::string read_token(const fs::path& hf_home) {
  if (std::string token = trimmed(variable({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})); !token.empty()) {
    return token;
  }
  if (is_true(variable({"HF_HUB_DISABLE_IMPLICIT_TOKEN"}))) {
    return {};
  }
  auto text = read_file(path_variable({"HF_TOKEN_PATH"}, hf_home / "token"), kTokenFileSizeBytesMax);
  return text ? trimmed(std::move(*text)) : std::string();
}

// Whole seconds in a variable, as milliseconds; `otherwise` when unset or not a positive number.
std::int64_t seconds_variable_ms(const char* name, std::int64_t otherwise_ms) {
  const std::string value = variable({name});
  std::int64_t seconds = 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  const bool whole = ec == std::errc{} && end == value.data() + value.size();
  return whole && seconds > 0 && seconds < 86'400 ? seconds * 1000 : otherwise_ms;
}

}  // namespace

HubOptions hub_options_from_environment() {
  HubOptions options;
  const fs::path cache_home = path_variable({"XDG_CACHE_HOME"}, home_folder() / ".cache");
  const fs::path hf_home = path_variable({"HF_HOME"}, cache_home / "huggingface");
  options.hf_cache = path_variable({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}, hf_home / "hub");
  options.asterism_cache = cache_home / "asterism";
  if (std::string endpoint = variable({"HF_ENDPOINT"}); !endpoint.empty()) {
    options.hf_endpoint = without_trailing_slashes(std::move(endpoint));
  }
  if (std::string index = variable({"ASTERISM_PYPI_INDEX", "PIP_INDEX_URL"}); !index.empty()) {
    options.pypi_index = without_trailing_slashes(std::move(index));
  }
  options.hf_token = read_token(hf_home);
  options.offline = is_true(variable({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
  options.catalogue_extension = path_variable({"ASTERISM_CATALOG"}, {});
  options.ca_bundle = path_variable({"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}, {});
  options.limits.connect_timeout_ms = seconds_variable_ms("HF_HUB_ETAG_TIMEOUT", options.limits.connect_timeout_ms);
  options.limits.stall_timeout_ms = seconds_variable_ms("HF_HUB_DOWNLOAD_TIMEOUT", options.limits.stall_timeout_ms);
  return options;
}

}  // namespace asterism
